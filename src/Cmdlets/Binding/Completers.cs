using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>Completes names; never fails, whatever a host does.</summary>
public abstract class NameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        WildcardPattern pattern = WildcardPattern.Get($"{wordToComplete?.Trim('\'', '"')}*", WildcardOptions.IgnoreCase);
        try
        {
            return
            [
                .. from candidate in Candidates(fakeBoundParameters)
                   where pattern.IsMatch(candidate.Name)
                   select new CompletionResult(Quote(candidate.Name), candidate.Name, CompletionResultType.ParameterValue, candidate.ToolTip),
            ];
        }
        catch (WildcardPatternException)
        {
            // Half a pattern, such as an opening bracket, stands for nothing yet.
            return [];
        }
    }

    /// <summary>What there is to choose from, in order.</summary>
    private protected abstract IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound);

    /// <summary>The domains of a host; none where it cannot be asked now.</summary>
    private protected static IReadOnlyList<DomainInfo> DomainsOf(IMigrationHost host)
    {
        try
        {
            return host.GetDomains();
        }
        catch (Exception error) when (error is MigrationException or ObjectDisposedException)
        {
            // A completion has no way to say why (a host that fails, or that another runspace lets go of); the command will.
            return [];
        }
    }

    private static string Quote(string name) =>
        name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? name : $"'{name.Replace("'", "''", StringComparison.Ordinal)}'";
}

/// <summary>Completes the names of the hosts this process knows.</summary>
public sealed class HostNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        HostRegistry.All.Select(host => (host.Name, $"{host.Name} ({host.Hypervisor})"));
}

/// <summary>Completes the names of the hosts this process knows, and of the other machines it can send to.</summary>
public sealed class DestinationCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        HostRegistry.All.Select(host => (host.Name, $"{host.Name} ({host.Hypervisor})"))
            .Concat(HostRegistry.AllRemote.Select(host => (host.Name, $"{host.Name} at {host.Route.Address} ({host.Transport})")))
            .OrderBy(candidate => candidate.Name, StringComparer.OrdinalIgnoreCase);
}

/// <summary>Completes the names of the domains that migrations of this process move.</summary>
public sealed class MovingDomainCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        MigrationRegistry.All
            .GroupBy(job => job.Location.Info.Name, StringComparer.OrdinalIgnoreCase)
            .OrderBy(jobs => jobs.Key, StringComparer.OrdinalIgnoreCase)
            .Select(jobs => (jobs.Key, $"{jobs.Key} to {jobs.Last().Destination.Name}: {jobs.Last().State}"));
}

/// <summary>Completes the names of the domains on the hosts this process knows, or on the one that -HostName names.</summary>
public sealed class DomainNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        from host in HostRegistry.All
        where bound["HostName"] is not string name || string.Equals(name, host.Name, StringComparison.OrdinalIgnoreCase)
        from domain in DomainsOf(host)
        orderby domain.Name
        select (domain.Name, $"{domain.Name} on {domain.HostName}: {domain.State}, {Text.Bytes(domain.MemoryBytes)}");
}

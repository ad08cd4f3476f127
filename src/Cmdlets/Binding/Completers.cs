using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Completes names; never fails, whatever a host does. What it inserts means the completed name and nothing else, by
/// <see cref="NameRule"/>.
/// </summary>
public abstract class NameCompleter : IArgumentCompleter
{
    /// <summary>Everything that PowerShell takes for a quote.</summary>
    private const string Quotes = "'\"\u2018\u2019\u201A\u201B\u201C\u201D\u201E";

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        // A name that several things have is offered once.
        var candidates = Candidates(fakeBoundParameters)
            .GroupBy(candidate => candidate.Name, candidate => candidate.ToolTip, StringComparer.Ordinal)
            .Select(same => (Name: same.Key, ToolTip: string.Join("; ", same)))
            .ToArray();
        string[] names = [.. candidates.Select(candidate => candidate.Name)];
        Func<string, bool> begins = Begins(wordToComplete ?? "");
        return
        [
            .. from candidate in candidates
               where candidate.Name.Length > 0 && begins(candidate.Name)
               select new CompletionResult(
                   Quote(NameRule.Write(candidate.Name, names)),
                   candidate.Name,
                   CompletionResultType.ParameterValue,
                   candidate.ToolTip.Length > 0 ? candidate.ToolTip : candidate.Name),
        ];
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
            // The host fails, or another runspace has let go of it. A completion has no way to say so; the command will.
            return [];
        }
    }

    /// <summary>The texts of an argument, as far as it has been typed.</summary>
    private protected static string[] TextsOf(object? argument) =>
        LanguagePrimitives.TryConvertTo(argument, out string[]? given) && given is not null
            ? [.. given.Where(text => !string.IsNullOrEmpty(text))]
            : [];

    /// <summary>Whether a name begins with what was typed: taken as it stands, with its wildcards escaped, or as a pattern.</summary>
    private static Func<string, bool> Begins(string typed)
    {
        if (typed.Length > 0 && Quotes.Contains(typed[0], StringComparison.Ordinal))
        {
            char quote = typed[0];
            typed = typed.Length > 1 && Quotes.Contains(typed[^1], StringComparison.Ordinal) ? typed[1..^1] : typed[1..];
            typed = typed.Replace($"{quote}{quote}", $"{quote}", StringComparison.Ordinal);
        }

        string unescaped = WildcardPattern.Unescape(typed);
        WildcardPattern? pattern = NameRule.Compile($"{typed}*");
        return name => name.StartsWith(typed, StringComparison.OrdinalIgnoreCase)
            || name.StartsWith(unescaped, StringComparison.OrdinalIgnoreCase)
            || pattern?.IsMatch(name) == true;
    }

    /// <summary>Quotes what PowerShell would not read as it stands, a number included.</summary>
    private static string Quote(string name) =>
        (char.IsAsciiLetter(name[0]) || name[0] == '_') && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : $"'{CodeGeneration.EscapeSingleQuotedStringContent(name)}'";
}

/// <summary>Completes the names of the hosts this process knows.</summary>
public sealed class HostNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        Workspace.OfProcess.Hosts.All.Select(host => (host.Name, $"{host.Name} ({host.Hypervisor})"));
}

/// <summary>
/// Completes the names of the hosts this process knows, and of the other machines it can send to, but for the one that the domain is
/// on. Xen can move a domain to its own host, so a Xen host is offered in any case.
/// </summary>
public sealed class DestinationCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        Workspace.OfProcess.Hosts.All.Where(host => !IsSource(host, bound)).Select(host => (host.Name, $"{host.Name} ({host.Hypervisor})"))
            .Concat(Workspace.OfProcess.Hosts.AllRemote.Select(host => (host.Name, $"{host.Name} at {host.Route.Address} ({host.Transport})")))
            .OrderBy(candidate => candidate.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether all that is named is on this simulated host, and so cannot go there.</summary>
    private static bool IsSource(IMigrationHost host, IDictionary bound)
    {
        if (host is not Simulated.SimulatedHost)
        {
            return false;
        }

        if (TextsOf(bound["HostName"]) is [_, ..] sources)
        {
            return sources.All(source => Means(source, [host], one => one.Name));
        }

        string[] names = TextsOf(bound["Name"]);
        return names.Length > 0 && names.All(name =>
            Means(name, DomainsOf(host), domain => domain.Name)
            && Workspace.OfProcess.Hosts.All.All(other => ReferenceEquals(other, host) || !Means(name, DomainsOf(other), domain => domain.Name)));
    }

    private static bool Means<T>(string name, IEnumerable<T> things, Func<T, string> nameOf)
    {
        try
        {
            return NameRule.Find(name, things, nameOf).Found.Count > 0;
        }
        catch (CommandException)
        {
            // Several names differ from this one in case only: the command will say so.
            return false;
        }
    }
}

/// <summary>Completes the names of the hosts that receive.</summary>
public sealed class ReceiverNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        Workspace.OfProcess.Receivers.All.Select(receiver => (receiver.Host.Name, $"{receiver.Host.Name} at {receiver.Endpoint}"));
}

/// <summary>Completes the names of the domains whose recordings this process holds.</summary>
public sealed class RecordedDomainCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        Workspace.OfProcess.Recordings.All
            .Select(held => held.Snapshot)
            .OrderBy(recorded => recorded.Name, StringComparer.OrdinalIgnoreCase)
            .Select(recorded => (recorded.Name, $"{recorded.Name} on {recorded.HostName}: {recorded.State} until {recorded.HeldUntil:T}"));
}

/// <summary>Completes the names of the domains that migrations of this process move; with -History, of those that it has.</summary>
public sealed class MovingDomainCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        LanguagePrimitives.IsTrue(bound["History"]) ? InHistory() :
        Workspace.OfProcess.Migrations.All
            .GroupBy(job => job.Location.Info.Name, StringComparer.Ordinal)
            .OrderBy(jobs => jobs.Key, StringComparer.OrdinalIgnoreCase)
            .Select(jobs => (jobs.Key, $"{jobs.Key} to {jobs.Last().Destination.Name}: {jobs.Last().State}"));

    private static IEnumerable<(string Name, string ToolTip)> InHistory()
    {
        try
        {
            return Workspace.OfProcess.History.Read().Entries
                .GroupBy(entry => entry.Name, StringComparer.Ordinal)
                .OrderBy(entries => entries.Key, StringComparer.OrdinalIgnoreCase)
                .Select(entries => (entries.Key, $"{entries.Key} to {entries.Last().Destination}: {entries.Last().Fate}"));
        }
        catch (MigrationException)
        {
            // A completion has no way to say why it cannot be read; the command will.
            return [];
        }
    }
}

/// <summary>Completes the names of the domains that come into hosts of this process.</summary>
public sealed class IncomingDomainCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        (from receiver in Workspace.OfProcess.Receivers.Listening
         from incoming in receiver.Incoming
         select (Name: incoming.DomainName, $"{incoming.DomainName} into {receiver.Host.Name}: {incoming.State.GetType().Name}"))
        .OrderBy(candidate => candidate.Name, StringComparer.OrdinalIgnoreCase);
}

/// <summary>Completes the names of the domains on the hosts this process knows, or on those that -HostName names.</summary>
public sealed class DomainNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        (from host in Workspace.OfProcess.Hosts.All
         where IsMeant(host, bound["HostName"])
         from domain in DomainsOf(host)
         select (domain.Name, $"{domain.Name} on {domain.HostName}: {domain.State}, {Text.Bytes(domain.MemoryBytes)}"))
        .OrderBy(candidate => candidate.Name, StringComparer.OrdinalIgnoreCase);

    private static bool IsMeant(IMigrationHost host, object? named)
    {
        string[] names = TextsOf(named);
        return names.Length == 0
            || names.Any(name => NameRule.Find(name, [host], one => one.Name).Found.Count > 0);
    }
}

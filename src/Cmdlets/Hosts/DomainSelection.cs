using System.Management.Automation;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Cmdlets;

/// <summary>A domain and the host it is on.</summary>
internal sealed record DomainLocation(IMigrationHost Host, DomainInfo Info);

/// <summary>Finds domains by name or pattern on the hosts of this process.</summary>
internal static class DomainSelection
{
    /// <summary>All domains whose names match, on the hosts that are meant.</summary>
    /// <param name="name">A name or pattern, matched without regard to case.</param>
    /// <param name="hosts">The hosts to look on.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/> for a plain name that matches
    /// nothing.</exception>
    public static IReadOnlyList<DomainLocation> Match(string name, IReadOnlyList<IMigrationHost> hosts)
    {
        WildcardPattern wildcard = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        List<DomainLocation> found =
        [
            .. from host in hosts
               from info in host.GetDomains()
               where wildcard.IsMatch(info.Name)
               select new DomainLocation(host, info),
        ];
        if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
        {
            string where = hosts.Count == 0 ? SR.NoHosts : string.Join(", ", hosts.Select(host => $"'{host.Name}'"));
            throw new MigrationException(
                MigrationErrorId.DomainNotFound,
                Text.Format(SR.DomainNotFound, name, where),
                SR.DomainNotFoundRemedy,
                name);
        }

        return found;
    }

    /// <summary>As <see cref="Match"/>, but a name that stands on two hosts is refused: moving both is never meant.</summary>
    public static IReadOnlyList<DomainLocation> MatchUnambiguous(string name, IReadOnlyList<IMigrationHost> hosts)
    {
        IReadOnlyList<DomainLocation> found = Match(name, hosts);
        foreach (IGrouping<string, DomainLocation> same in found.GroupBy(location => location.Info.Name, StringComparer.Ordinal))
        {
            if (same.Count() > 1)
            {
                throw new CommandException(
                    nameof(SR.AmbiguousDomain),
                    ErrorCategory.InvalidArgument,
                    Text.Format(SR.AmbiguousDomain, same.Key, string.Join(", ", same.Select(location => location.Host.Name))),
                    SR.AmbiguousDomainRemedy,
                    same.Key);
            }
        }

        return found;
    }
}

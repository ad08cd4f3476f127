using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Finds domains on the hosts of this process, by <see cref="NameRule"/>.</summary>
internal static class DomainSelection
{
    /// <summary>All domains that are meant, on the hosts that are meant.</summary>
    /// <param name="name">A name or pattern.</param>
    /// <param name="hosts">The hosts to look on.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/> for a name that is none's.</exception>
    /// <exception cref="CommandException">Several names differ from it in case only.</exception>
    public static IReadOnlyList<DomainLocation> Match(string name, IReadOnlyList<IMigrationHost> hosts) =>
        Find(name, hosts).OrNoneOfPattern(() => DomainLocation.NotFound(name, hosts));

    /// <summary>As <see cref="Match"/> for who does something to them: a pattern that means none is an error too, and so is a
    /// name that stands on two hosts, since moving both is never meant.</summary>
    public static IReadOnlyList<DomainLocation> MatchUnambiguous(string name, IReadOnlyList<IMigrationHost> hosts)
    {
        IReadOnlyList<DomainLocation> found = Find(name, hosts).OrFail(() => DomainLocation.NotFound(name, hosts));
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

    private static NameMatch<DomainLocation> Find(string name, IReadOnlyList<IMigrationHost> hosts) => NameRule.Find(
        name,
        hosts.SelectMany(host => host.GetDomains(), (host, info) => new DomainLocation(host, info)),
        location => location.Info.Name);
}

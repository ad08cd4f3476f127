using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>A domain and the host it is on.</summary>
/// <param name="Host">The host.</param>
/// <param name="Info">The domain, as it was when it was found.</param>
public sealed record DomainLocation(IMigrationHost Host, DomainInfo Info)
{
    /// <summary>The domain of exactly that name, as it is now.</summary>
    /// <param name="name">The name.</param>
    /// <param name="host">The host.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    public static DomainLocation Find(string name, IMigrationHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.GetDomains().FirstOrDefault(info => info.Name == name) is { } found
            ? new DomainLocation(host, found)
            : throw NotFound(name, [host]);
    }

    /// <summary>The error of a name that no domain has.</summary>
    /// <param name="name">What was asked for.</param>
    /// <param name="hosts">Where.</param>
    public static MigrationException NotFound(string name, IReadOnlyList<IMigrationHost> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        return new MigrationException(
            MigrationErrorId.DomainNotFound,
            Text.Format(SR.DomainNotFound, name, hosts.Count == 0 ? SR.NoHosts : string.Join(", ", hosts.Select(host => $"'{host.Name}'"))),
            SR.DomainNotFoundRemedy,
            name);
    }

    /// <summary>The error of a name that a domain of a host has already.</summary>
    /// <param name="name">The name.</param>
    /// <param name="host">The host.</param>
    /// <param name="remedy">What to do about it.</param>
    public static MigrationException Exists(string name, IMigrationHost host, string remedy)
    {
        ArgumentNullException.ThrowIfNull(host);
        return new MigrationException(MigrationErrorId.DomainExists, Text.Format(SR.DomainExistsThere, host.Name, name), remedy, name);
    }
}

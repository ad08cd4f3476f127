namespace PreRecordMigration.Hypervisor;

/// <summary>What a host or a domain can do, and why not, in words an administrator can act on.</summary>
/// <param name="Subject">The host or domain the report is about.</param>
/// <param name="Items">Every capability asked for, once.</param>
public sealed record CapabilityReport(string Subject, IReadOnlyList<Capability> Items)
{
    /// <summary>Finds one capability.</summary>
    public Capability this[MigrationCapability kind] => Items.First(item => item.Kind == kind);

    /// <summary>Refuses with the capability's own reason and remedy where it is not available.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>.</exception>
    public void Require(MigrationCapability kind)
    {
        Capability item = this[kind];
        if (!item.IsAvailable)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported, $"{Subject}: {item.Reason}", item.Remedy, Subject);
        }
    }
}

/// <summary>One thing a host or a domain can or cannot do.</summary>
/// <param name="Kind">Which.</param>
/// <param name="IsAvailable">Whether it can.</param>
/// <param name="Reason">How that is known, or why it cannot.</param>
/// <param name="Remedy">What to do so that it can; empty where it can.</param>
public sealed record Capability(MigrationCapability Kind, bool IsAvailable, string Reason, string Remedy);

/// <summary>The things a migration asks of a host or domain.</summary>
public enum MigrationCapability
{
    /// <summary>Talk to the hypervisor at all.</summary>
    Control,

    /// <summary>Record accesses.</summary>
    Recording,

    /// <summary>Suspend at a checkpoint, back pages up and run on.</summary>
    Rollback,

    /// <summary>Hold back what the domain sends out.</summary>
    OutputIsolation,

    /// <summary>Track dirty pages, for pre-copy.</summary>
    DirtyTracking,

    /// <summary>Take in a domain whose memory arrives after it runs.</summary>
    RemotePF,

    /// <summary>Do so with more than one vCPU.</summary>
    SeveralVcpus,

    /// <summary>Record, roll back and take in paravirtualised (PV) domains. Hosts that have none leave it out.</summary>
    ParavirtualisedDomains,
}

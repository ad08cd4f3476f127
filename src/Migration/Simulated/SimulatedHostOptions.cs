using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>What a simulated host has and can do.</summary>
public sealed record SimulatedHostOptions
{
    /// <summary>Memory for all its domains, in bytes.</summary>
    public long MemoryBytes { get; init; } = 4L << 30;

    /// <summary>Whether it can take in a domain whose memory arrives after it runs.</summary>
    public bool SupportsRemotePF { get; init; } = true;

    /// <summary>Whether it can suspend at a checkpoint, back pages up and run on.</summary>
    public bool SupportsRollback { get; init; } = true;

    /// <summary>Whether it can record accesses.</summary>
    public bool SupportsRecording { get; init; } = true;

    /// <summary>Whether it can track dirty pages.</summary>
    public bool SupportsDirtyTracking { get; init; } = true;

    /// <summary>Whether it can hold back what domains send out.</summary>
    public bool SupportsOutputIsolation { get; init; } = true;

    /// <summary>
    /// Whether it can put a domain back to its checkpoint in place. A host that cannot (as Xen) restores the checkpoint into a
    /// fresh domain.
    /// </summary>
    public bool SupportsInPlaceRollback { get; init; } = true;

    /// <summary>Whether it has the bridge that the network cards of simulated domains are put to.</summary>
    public bool HasBridge { get; init; } = true;

    /// <summary>Whether it reaches the disks of simulated domains, which all hosts of a process share.</summary>
    public bool ReachesDisks { get; init; } = true;

    /// <summary>Whether its processors have AVX2, which simulated domains use.</summary>
    public bool HasAvx2 { get; init; } = true;

    /// <summary>The absolute path of the policy by which domains are let in; null where all are.</summary>
    public string? PolicyFile { get; init; }

    /// <summary>Most vCPUs of a domain that is recorded or comes in.</summary>
    public int MaximumVcpus { get; init; } = SimulatedDomainOptions.MaximumVcpus;

    /// <summary>
    /// Whether a domain that comes in runs by itself once unpaused. If not, it runs only when told to
    /// (<see cref="SimulatedDomain.RunOperations"/>).
    /// </summary>
    public bool IncomingRunsFree { get; init; } = true;
}

namespace PreRecordMigration.Hypervisor;

/// <summary>A domain at one moment: a snapshot, not a handle.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id on this host.</param>
/// <param name="HostName">The host it is on.</param>
/// <param name="State">What it does.</param>
/// <param name="Kind">How it is virtualised.</param>
/// <param name="VcpuCount">How many vCPUs it has.</param>
/// <param name="PageCount">One past its highest page frame number.</param>
/// <param name="MemoryBytes">The memory it holds, in bytes.</param>
public sealed record DomainInfo(
    string Name, int Id, string HostName, DomainState State, DomainKind Kind, int VcpuCount, int PageCount, long MemoryBytes)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>What a domain does.</summary>
public enum DomainState : long
{
    /// <summary>Its vCPUs run or wait for events.</summary>
    Running,

    /// <summary>Its vCPUs were stopped from outside.</summary>
    Paused,

    /// <summary>The guest suspended itself on request.</summary>
    Suspended,

    /// <summary>It shut down or crashed.</summary>
    Shutdown,

    /// <summary>It is being taken down.</summary>
    Dying,
}

/// <summary>How a domain is virtualised.</summary>
public enum DomainKind : long
{
    /// <summary>A guest of the simulated host.</summary>
    Simulated,

    /// <summary>Paravirtualised.</summary>
    PV,

    /// <summary>Hardware-virtualised without an emulated machine.</summary>
    Pvh,

    /// <summary>Hardware-virtualised with an emulated machine.</summary>
    Hvm,
}

/// <summary>What a source tells a destination so that it can prepare a domain before the checkpoint.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Kind">How it is virtualised: a destination of another hypervisor refuses.</param>
/// <param name="PageCount">One past the highest page frame number.</param>
/// <param name="Populated">The page frames that exist, ascending and disjoint.</param>
/// <param name="VcpuCount">How many vCPUs.</param>
/// <param name="Configuration">The hypervisor's own description of the domain (for Xen: a serialised record with the JSON
/// configuration, versions and parameters); the engine does not look inside.</param>
public sealed record DomainDescription(
    string Name,
    DomainKind Kind,
    int PageCount,
    IReadOnlyList<Pages.PageRange> Populated,
    int VcpuCount,
    ReadOnlyMemory<byte> Configuration);

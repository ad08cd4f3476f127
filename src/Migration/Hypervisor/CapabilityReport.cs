using PreRecordMigration.Errors;

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
public sealed record Capability(MigrationCapability Kind, bool IsAvailable, string Reason, string Remedy)
{
    /// <summary>What it is good for: what a host that lacks it would gain.</summary>
    public string Gain => Kind switch
    {
        MigrationCapability.Control => "Domains can be listed, opened and moved.",
        MigrationCapability.Recording => "Pre-record migration: what a domain touches is recorded, and travels first.",
        MigrationCapability.Rollback => "Mode Rollback: the domain runs ahead while its checkpoint travels.",
        MigrationCapability.OutputIsolation => "Mode Rollback: what the window sends out never gets out.",
        MigrationCapability.DirtyTracking => "Pre-copy, and the prediction of what it would cost.",
        MigrationCapability.RemotePF => "Domains can come in whose memory arrives after they run: post-copy, hybrid and pre-record.",
        MigrationCapability.SeveralVcpus => "Domains with more than one vCPU can be recorded and come in.",
        MigrationCapability.ParavirtualisedDomains => "PV domains can be recorded, rolled back, and come in.",
        MigrationCapability.Receiver => "Domains can be moved there.",
        MigrationCapability.Hypervisor => "This module's calls are understood.",
        MigrationCapability.MemoryPaging => "Recording and RemotePF of PVH and HVM domains with HAP.",
        MigrationCapability.ShadowPaging => "PV domains, and domains with hap=0, can be moved while they run.",
        MigrationCapability.Extension => "Recording, rollback and RemotePF of PV domains and of domains with hap=0.",
        MigrationCapability.NestedExtension =>
            "PVH domains with HAP are recorded and served inside the hypervisor: no round trip through the control domain for each page.",
        MigrationCapability.Toolstack => "Domains can come in: the toolstack makes them.",
        MigrationCapability.FreeMemory => "Domains can come in, as large as what is free.",
        MigrationCapability.InPlaceRollback => "Restore-PageBackup without room for a second copy of the domain.",
        _ => throw new InvalidOperationException($"{Kind} is no capability."),
    };
}

/// <summary>The things a migration asks of a host or domain, and then what those rest on.</summary>
public enum MigrationCapability : long
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

    /// <summary>Be reached: another machine's receiver answers, both sides trust each other and speak the same version.</summary>
    Receiver,

    /// <summary>A hypervisor of the version that this module knows.</summary>
    Hypervisor,

    /// <summary>A hypervisor built with memory paging.</summary>
    MemoryPaging,

    /// <summary>A hypervisor built with shadow page tables.</summary>
    ShadowPaging,

    /// <summary>This project's extension in the hypervisor.</summary>
    Extension,

    /// <summary>This project's extension for domains with nested paging (HAP), too.</summary>
    NestedExtension,

    /// <summary>A toolstack that works with the hypervisor.</summary>
    Toolstack,

    /// <summary>Memory that no domain holds.</summary>
    FreeMemory,

    /// <summary>Put a domain back to its checkpoint in place.</summary>
    InPlaceRollback,
}

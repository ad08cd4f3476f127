using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Operations;

/// <summary>A host as it was when it was asked for.</summary>
/// <param name="Name">The name to use as -HostName and -Destination.</param>
/// <param name="Hypervisor">The hypervisor and its version.</param>
/// <param name="DomainCount">How many domains it has; null for another machine.</param>
/// <param name="FreeMemoryBytes">Memory that no domain holds, in bytes; null for another machine.</param>
/// <param name="Receiver">Where it receives migrations (an IPEndPoint to PowerShell); null where it does not, and for another machine.</param>
/// <param name="Address">Where another machine's receiver is; null for a host of this process.</param>
public sealed record MigrationHost(
    string Name, string Hypervisor, int? DomainCount, long? FreeMemoryBytes, string? Receiver, string? Address)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>One thing that a host can or cannot do.</summary>
/// <param name="HostName">The host.</param>
/// <param name="Hypervisor">Its hypervisor and version.</param>
/// <param name="Capability">Which thing.</param>
/// <param name="IsAvailable">Whether it can.</param>
/// <param name="Reason">How that is known, or why it cannot.</param>
/// <param name="Remedy">What to do so that it can; empty where it can.</param>
/// <param name="Gain">What it is good for: what a host that lacks it would gain.</param>
public sealed record MigrationHostCapability(
    string HostName, string Hypervisor, MigrationCapability Capability, bool IsAvailable, string Reason, string Remedy, string Gain)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Capability} of {HostName}";

    /// <summary>One thing that a host can or cannot do, as the host reports it.</summary>
    internal static MigrationHostCapability Of(string hostName, string hypervisor, Capability item) =>
        new(hostName, hypervisor, item.Kind, item.IsAvailable, item.Reason, item.Remedy, item.Gain);

    /// <summary>All that a host can or cannot do.</summary>
    /// <param name="host">The host.</param>
    public static IEnumerable<MigrationHostCapability> AllOf(IMigrationHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Examine().Items.Select(item => Of(host.Name, host.Hypervisor, item));
    }
}

using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

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
}

/// <summary>A receiver as it was when it was asked for.</summary>
/// <param name="HostName">The host that incoming domains will run on.</param>
/// <param name="Endpoint">Where it listens; an IPEndPoint to PowerShell.</param>
/// <param name="Thumbprint">The SHA-256 thumbprint of the certificate it presents; null on loopback without TLS.</param>
/// <param name="Port">The port, for who connects through ssh.</param>
/// <param name="Incoming">The migrations that came in since it was started.</param>
/// <param name="Rejections">Why connections were turned away, oldest first; the last hundred.</param>
public sealed record MigrationReceiverInfo(
    string HostName,
    string Endpoint,
    string? Thumbprint,
    int Port,
    Listed<IncomingMigrationInfo> Incoming,
    Listed<string> Rejections);

/// <summary>A migration into a host as it was when it was asked for.</summary>
/// <param name="Name">The domain's name; empty until the source has said it.</param>
/// <param name="State">Where it stands: Greeted, Creating, Collecting, Restoring, Restored, Starting, Running, Completed,
/// Finished, Aborted (the domain was never here) or Detached (the domain is here, pages are missing).</param>
/// <param name="RemotePF">Whether RemotePF is on now.</param>
/// <param name="MissingPages">Pages that have not arrived.</param>
/// <param name="RemoteFaults">Remote page faults so far.</param>
/// <param name="Error">Why it ended, where it did not end well.</param>
public sealed record IncomingMigrationInfo(
    string Name, string State, bool RemotePF, int MissingPages, long RemoteFaults, string? Error)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} {State}";
}

/// <summary>The order in which a recorded domain's pages would be pushed.</summary>
/// <param name="Name">The domain.</param>
/// <param name="Strategy">How the order was made, the first strategy's pages first.</param>
/// <param name="RecordedCount">How many of the first pages were recorded.</param>
/// <param name="PredictedCount">How many of those after them were predicted.</param>
/// <param name="Reason">What Auto chose, and the coverage figure that decided; null where it was not asked.</param>
/// <param name="Pfn">The page frame numbers, first to be sent first.</param>
/// <param name="PreRecord">The recording, with this order decided: pipe it on to move the domain so.</param>
public sealed record PageOrderInfo(
    string Name,
    Listed<PageOrderStrategy> Strategy,
    int RecordedCount,
    int PredictedCount,
    string? Reason,
    Listed<int> Pfn,
    PreRecord PreRecord)
{
    /// <summary>How many pages.</summary>
    public int Count => Pfn.Count;
}

using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>Makes the snapshots that cmdlets return.</summary>
internal static class Describe
{
    /// <summary>A host as it is now.</summary>
    public static MigrationHost Host(IMigrationHost host) => new(
        host.Name,
        host.Hypervisor,
        host.GetDomains().Count,
        host.FreeMemoryBytes,
        ReceiverRegistry.TryGet(host.Name, out MigrationReceiver receiver) ? receiver.Endpoint.ToString() : null,
        null);

    /// <summary>Another machine, of which no more is known than the way to it.</summary>
    public static MigrationHost Host(RemoteHost host) =>
        new(host.Name, Text.Format(SR.RemoteHypervisor, host.Transport), null, null, null, host.Route.Address);

    /// <summary>One thing that a host can or cannot do.</summary>
    public static MigrationHostCapability Capability(IMigrationHost host, Capability item) =>
        new(host.Name, host.Hypervisor, item.Kind, item.IsAvailable, item.Reason, item.Remedy, item.Gain);

    /// <summary>A host's receiver as it is now.</summary>
    public static MigrationReceiverInfo Receiver(string hostName, MigrationReceiver receiver) =>
        new(
            hostName,
            receiver.Endpoint.ToString(),
            receiver.Identity is null ? null : CertificateTrust.Thumbprint(receiver.Identity.Certificate),
            receiver.Endpoint.Port,
            [.. receiver.Incoming.Select(Incoming)],
            [.. receiver.Rejections.Select(rejection => rejection.Message)]);

    /// <summary>A migration that comes in as it is now.</summary>
    public static IncomingMigrationInfo Incoming(IncomingMigration incoming) => new(
        incoming.DomainName,
        incoming.Holding == IncomingHolding.GivenUp ? nameof(IncomingHolding.GivenUp) : incoming.State.GetType().Name,
        incoming.IsRemotePFEnabled,
        incoming.MissingPages,
        incoming.RemoteFaults,
        incoming.Error?.Message);
}

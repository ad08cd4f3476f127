using System.Text.Json.Serialization;
using PreRecordMigration.Custody;
using PreRecordMigration.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

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
    Listed<string> Rejections)
{
    /// <summary>The process that has it.</summary>
    public int ProcessId { get; init; } = Environment.ProcessId;

    /// <summary>A receiver as it is now.</summary>
    /// <param name="receiver">The receiver.</param>
    public static MigrationReceiverInfo Of(MigrationReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        return new MigrationReceiverInfo(
            receiver.Host.Name,
            receiver.Endpoint.ToString(),
            receiver.Identity is null ? null : CertificateTrust.Thumbprint(receiver.Identity.Certificate),
            receiver.Endpoint.Port,
            [.. receiver.Incoming.Select(IncomingMigrationInfo.Of)],
            [.. receiver.Rejections.Select(rejection => rejection.Message)]);
    }
}

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
    [JsonInclude]
    internal Guid Session { get; init; }

    [JsonInclude]
    internal bool IsActive { get; init; }

    /// <summary>Whether it is under way; else it has ended, or waits for its source.</summary>
    public bool IsUnderWay() => IsActive;

    /// <summary>The migration's id, the same at its source, by which it is known however often it is looked at.</summary>
    public Guid GetSession() => Session;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {State}";

    /// <summary>A migration that comes in as it is now.</summary>
    /// <param name="incoming">The migration.</param>
    public static IncomingMigrationInfo Of(IncomingMigration incoming)
    {
        ArgumentNullException.ThrowIfNull(incoming);

        // Asked first: what is said of one that has ended is how it ended.
        bool isActive = !incoming.Ended.IsCompleted;
        return new IncomingMigrationInfo(
            incoming.DomainName,
            incoming.Holding == IncomingHolding.GivenUp ? nameof(IncomingHolding.GivenUp) : incoming.State.GetType().Name,
            incoming.IsRemotePFEnabled,
            incoming.MissingPages,
            incoming.RemoteFaults,
            incoming.Error?.Message)
        {
            Session = incoming.Id,
            IsActive = isActive,
        };
    }
}

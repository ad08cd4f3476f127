using PreRecordMigration.Errors;
using PreRecordMigration.Options;

namespace PreRecordMigration.Transports;

/// <summary>The errors of connections and of the protocol, worded once.</summary>
internal static class ProtocolErrors
{
    /// <summary>Turns whatever a thread or a call threw into an error that can be told to the other side.</summary>
    public static MigrationException Of(Exception exception) => exception as MigrationException
        ?? new MigrationException(MigrationErrorId.HypervisorCall, exception.Message, "See the inner exception.", null, exception);

    public static MigrationException Violation(string message) => new(
        MigrationErrorId.ProtocolViolation,
        message,
        "Check that the address is that of a migration receiver, and that both sides run the same version of the module.");

    public static MigrationException Version(ushort theirs, ushort ours) => new(
        MigrationErrorId.ProtocolVersion,
        $"The peer speaks version {theirs} of the migration protocol; this side speaks version {ours}.",
        "Install the same version of the module on both hosts.");

    /// <summary>The error of a destination that cannot take memory both before and after a domain runs.</summary>
    public static MigrationException NoArrivalOfBoth() => new(
        MigrationErrorId.NotSupported,
        "The destination's version of the module does not know the method Hybrid.",
        "Install the same version of the module on both hosts, or use -Method PreCopy or PostCopy.");

    public static MigrationException Tls() => new(
        MigrationErrorId.TransportMismatch,
        "The peer speaks TLS, and this side does not.",
        "Give both sides certificates, or neither: Start-MigrationReceiver and Connect-MigrationHost with -Certificate.");

    public static MigrationException OtherPeer(string message) => new(
        MigrationErrorId.NotTrusted,
        message,
        "Check that the address leads to one machine only, whose certificate has not been changed meanwhile.");

    public static MigrationException ReceiverStopped() => new(
        MigrationErrorId.AbortedByPeer, "The receiver was stopped.", "Start a receiver, and migrate again.");

    /// <summary>The error of a peer that said nothing, not even a beat, or took nothing and said nothing.</summary>
    /// <param name="what">What it did not do.</param>
    /// <param name="silent">For how long.</param>
    public static MigrationException Silent(string what, TimeSpan silent) => new(
        MigrationErrorId.ConnectionLost,
        $"The connection to the peer was lost: it {what} for {PeerTimeout.Text(silent)}.",
        "Check the network, and what the other side says: Get-MigrationReceiver at the destination, Get-Migration at the source. Where it is only slow, allow more with -PeerTimeout.");

    public static MigrationException Lost(Exception? cause = null) => new(
        MigrationErrorId.ConnectionLost,
        $"The connection to the peer was lost{(cause is null ? "" : ": " + cause.Message.TrimEnd('.'))}.",
        "Check the network, and what the other side says: Get-MigrationReceiver at the destination, Get-Migration at the source.",
        null,
        cause);
}

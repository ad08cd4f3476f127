using PreRecordMigration.Texts;

namespace PreRecordMigration.Errors;

/// <summary>An error that an administrator can act on. Whatever stands in it may be shown: <see cref="ForeignText"/> has been through it.</summary>
public class MigrationException : Exception
{
    /// <summary>Describes an error.</summary>
    /// <param name="errorId">Its stable id.</param>
    /// <param name="message">What went wrong, with the object's name and, for native calls, the call and errno.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="target">The offending object: a domain's, host's or file's name; null where there is none.</param>
    /// <param name="innerException">The cause.</param>
    public MigrationException(
        MigrationErrorId errorId, string message, string remedy, string? target = null, Exception? innerException = null)
        : base(ForeignText.Show(message), innerException)
    {
        ErrorId = errorId;
        Remedy = ForeignText.Show(remedy);
        Target = target is null ? null : ForeignText.Show(target);
    }

    /// <summary>The stable id, the same on the wire, in PowerShell's error records and in the help.</summary>
    public MigrationErrorId ErrorId { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>The offending object's name, or null.</summary>
    public string? Target { get; }
}

/// <summary>Stable error ids. Numbers travel on the wire: never reuse or renumber.</summary>
public enum MigrationErrorId
{
    /// <summary>No domain of that name.</summary>
    DomainNotFound = 1,

    /// <summary>No host of that name.</summary>
    HostNotFound = 2,

    /// <summary>An option's value is out of range or contradicts another.</summary>
    InvalidOption = 3,

    /// <summary>The host or domain cannot do this.</summary>
    NotSupported = 4,

    /// <summary>More rights are needed.</summary>
    AccessDenied = 5,

    /// <summary>A native library is missing or of another version.</summary>
    LibraryMissing = 6,

    /// <summary>The domain's outputs cannot be isolated, so it cannot be rolled back.</summary>
    OutputNotIsolable = 7,

    /// <summary>The guest did not suspend in time.</summary>
    SuspendTimeout = 8,

    /// <summary>Not enough memory on the host.</summary>
    OutOfMemory = 9,

    /// <summary>Nobody listens at the destination.</summary>
    DestinationUnreachable = 10,

    /// <summary>The peer speaks another version of the protocol.</summary>
    ProtocolVersion = 11,

    /// <summary>The peer sent something the protocol does not allow.</summary>
    ProtocolViolation = 12,

    /// <summary>The connection was lost.</summary>
    ConnectionLost = 13,

    /// <summary>The peer gave up; its own error is in the message.</summary>
    AbortedByPeer = 14,

    /// <summary>Another recording or migration owns the domain.</summary>
    DomainBusy = 15,

    /// <summary>The domain is in a state in which this cannot be done.</summary>
    DomainState = 16,

    /// <summary>The hypervisor refused a call.</summary>
    HypervisorCall = 17,

    /// <summary>The backup store's limit was reached.</summary>
    BackupStoreFull = 18,

    /// <summary>A page's content is not what it must be.</summary>
    VerificationFailed = 19,

    /// <summary>A domain of that name is already there.</summary>
    DomainExists = 20,

    /// <summary>A file is truncated, damaged, of a newer version, or not of the kind it should be.</summary>
    InvalidFile = 21,

    /// <summary>A peer's certificate is missing, untrusted or not valid now, or is not the one that it was before.</summary>
    NotTrusted = 22,

    /// <summary>One side speaks TLS 1.3 and the other does not.</summary>
    TransportMismatch = 23,

    /// <summary>The domain is not what it was when the migration began: a device, a vCPU, its memory or the domain itself.</summary>
    DomainChanged = 24,

    /// <summary>The administrator cancelled.</summary>
    Cancelled = 25,

    /// <summary>A file that decides what is done may be changed by others than its owner, or has no absolute path.</summary>
    FileNotTrusted = 26,

    /// <summary>The destination's policy does not let the domain in; the message says what of it, the remedy which lines would.</summary>
    RefusedByPolicy = 27,

    /// <summary>The domain would stand still for longer than it may, and was to stay where it is then.</summary>
    DowntimeTooLong = 28,

    /// <summary>The destination lacks what a device of the domain needs, or has something else in its place.</summary>
    DeviceMissing = 29,

    /// <summary>The destination's hypervisor or its processors cannot run the domain: the message names what they lack.</summary>
    HostIncompatible = 30,
}

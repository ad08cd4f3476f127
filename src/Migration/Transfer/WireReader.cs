using System.Buffers.Binary;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>Reads the fields of one record's body; every length is checked before it is believed.</summary>
/// <param name="type">The record's type, for messages.</param>
/// <param name="body">Its body.</param>
internal ref struct WireReader(RecordType type, ReadOnlySpan<byte> body)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, true);
    private readonly ReadOnlySpan<byte> _body = body;
    private int _offset;

    public byte ReadByte() => Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public Guid ReadGuid() => new(Take(16));

    /// <summary>Reads a count or pfn that the engine keeps as a non-negative <see cref="int"/>.</summary>
    public int ReadCount(int maximum)
    {
        uint value = ReadUInt32();
        return value <= (uint)maximum ? (int)value : throw Violation($"a count of {value}, more than {maximum}");
    }

    /// <summary>Reads what the peer says to a person: as it may be shown, whatever it is.</summary>
    public string ReadText() => ForeignText.Show(ReadString());

    /// <summary>Reads what something is called: what cannot be shown as it is, is no name.</summary>
    public string ReadName() => ReadString() is { } name && ForeignText.IsName(name)
        ? name
        : throw Violation("a name that is empty, too long, or has control characters");

    private string ReadString()
    {
        ReadOnlySpan<byte> bytes = Take(ReadCount(Protocol.MaximumString));
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Violation("a string that is not UTF-8");
        }
    }

    public byte[] ReadBytes() => Take(ReadCount(Protocol.MaximumLength)).ToArray();

    public readonly void ExpectEnd()
    {
        if (_offset != _body.Length)
        {
            throw Violation($"{_body.Length - _offset} bytes too many");
        }
    }

    public readonly MigrationException Violation(string what) => ProtocolErrors.Violation(
        $"A {type} record of {_body.Length} bytes holds {what} (at byte {_offset}).");

    public ReadOnlySpan<byte> Take(int length)
    {
        if (length > _body.Length - _offset)
        {
            throw Violation($"{_body.Length - _offset} bytes where {length} must follow");
        }

        ReadOnlySpan<byte> taken = _body.Slice(_offset, length);
        _offset += length;
        return taken;
    }
}

/// <summary>The errors of the protocol, worded once.</summary>
internal static class ProtocolErrors
{
    /// <summary>Whatever a thread or a call threw, as an error that can be told to the other side.</summary>
    public static MigrationException Of(Exception exception) => exception as MigrationException
        ?? new MigrationException(MigrationErrorId.HypervisorCall, exception.Message, "See the inner exception.", null, exception);

    public static MigrationException Violation(string message) => new(
        MigrationErrorId.ProtocolViolation,
        message,
        "Check that the address is that of a migration receiver, and that both sides run the same version of the module.");

    public static MigrationException Version(ushort theirs) => new(
        MigrationErrorId.ProtocolVersion,
        $"The peer speaks version {theirs} of the migration protocol; this side speaks version {Protocol.Version}.",
        "Install the same version of the module on both hosts.");

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

    /// <summary>The peer said nothing, not even a beat, or took nothing and said nothing.</summary>
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

using System.Buffers.Binary;
using System.Text;

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// The header that <c>xl save</c> puts before the libxl stream: 48 bytes, then optional data that holds the domain's
/// configuration. Source: tools/xl/xl.h and tools/xl/xl_saverestore.c in Xen.
/// </summary>
/// <param name="MandatoryFlags">Flags that <c>xl restore</c> must know; see the constants.</param>
/// <param name="OptionalFlags">Flags that it need not know; Xen writes 0.</param>
/// <param name="OptionalData">
/// Empty, or a 32-bit length, that many bytes of configuration (a zero byte last), and perhaps more that is kept as it is.
/// </param>
public sealed record XlHeader(uint MandatoryFlags, uint OptionalFlags, ReadOnlyMemory<byte> OptionalData)
    : XenStreamRecord
{
    /// <summary>Mandatory flag: the configuration is JSON of libxl.</summary>
    public const uint JsonConfiguration = 1;

    /// <summary>Mandatory flag: a libxl stream of version 2 follows. Without it a legacy stream does.</summary>
    public const uint StreamVersion2 = 2;

    internal const int FixedLength = 48;

    private const uint ByteOrder = 0x01020304;

    /// <inheritdoc/>
    public override string Name => "xl header";

    /// <summary>The configuration's text without its final zero byte, or null where the header has none.</summary>
    public string? Configuration
    {
        get
        {
            if (OptionalData.IsEmpty)
            {
                return null;
            }

            int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(OptionalData.Span);
            ReadOnlySpan<byte> text = OptionalData.Span.Slice(4, length);
            int end = text.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
        }
    }

    internal static ReadOnlySpan<byte> Magic => "Xen saved domain, xl format\n \0 \r"u8;

    internal override long BodyLength => FixedLength + OptionalData.Length;

    /// <summary>The header that <c>xl save</c> would write for a configuration.</summary>
    /// <param name="json">The configuration in libxl's JSON (libxl_domain_config_to_json), without a final zero.</param>
    /// <returns>The header.</returns>
    /// <exception cref="ArgumentException">The text is empty or contains a zero character.</exception>
    public static XlHeader ForConfiguration(string json)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(json);
        if (json.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The configuration contains a zero character, at which xl would cut it.", nameof(json));
        }

        byte[] data = new byte[4 + Encoding.UTF8.GetByteCount(json) + 1];
        BinaryPrimitives.WriteInt32LittleEndian(data, data.Length - 4);
        Encoding.UTF8.GetBytes(json, data.AsSpan(4));
        return new XlHeader(JsonConfiguration | StreamVersion2, 0, data);
    }

    /// <summary>Reads the 48 fixed bytes and leaves the length of the optional data to the caller.</summary>
    internal static (uint Mandatory, uint Optional, uint DataLength) ReadFixed(ref BodyReader body)
    {
        if (!body.Memory(Magic.Length).Span.SequenceEqual(Magic))
        {
            throw body.Refused(
                "It does not begin with the xl save-file magic.",
                "Give a file that xl save wrote; for a bare libxl or libxc stream choose that format.");
        }

        if (body.U32() != ByteOrder)
        {
            throw body.Refused("Its byte order is not this machine's.", "Save the domain on an x86 host.");
        }

        uint mandatory = body.U32();
        if ((mandatory & ~(JsonConfiguration | StreamVersion2)) != 0)
        {
            throw body.Refused(
                $"It has mandatory flags 0x{mandatory:x} of which some are unknown.", "Use a newer version of this module.");
        }

        if ((mandatory & StreamVersion2) == 0)
        {
            throw body.Refused(
                "A legacy stream of Xen 4.5 or older follows.",
                "Convert it with Xen's convert-legacy-stream, or restore it and save it with a current Xen.");
        }

        return (mandatory, body.U32(), body.U32());
    }

    internal static XlHeader Read(uint mandatory, uint optional, ref BodyReader data)
    {
        ReadOnlyMemory<byte> all = data.Rest();
        if (!all.IsEmpty)
        {
            BodyReader inner = data;
            uint length = all.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(all.Span);
            if (length > all.Length - 4)
            {
                throw inner.Malformed($"Its optional data of {all.Length} bytes is shorter than the configuration in it.");
            }
        }

        return new XlHeader(mandatory, optional, all);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.Bytes(Magic);
        sink.U32(ByteOrder);
        sink.U32(MandatoryFlags);
        sink.U32(OptionalFlags);
        sink.U32((uint)OptionalData.Length);
        sink.Bytes(OptionalData.Span);
    }
}

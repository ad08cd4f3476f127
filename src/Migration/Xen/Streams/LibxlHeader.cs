namespace PreRecordMigration.Xen.Streams;

/// <summary>The 16 bytes that begin a libxl stream, big-endian: "LibxlFmt", version 2, options.</summary>
/// <param name="ConvertedFromLegacy">Option bit 1: written by Xen's tool that converts legacy streams.</param>
public sealed record LibxlHeader(bool ConvertedFromLegacy = false) : XenStreamRecord
{
    internal const int Length = 16;

    private const ulong Ident = 0x4c6962786c466d74; // "LibxlFmt"
    private const uint Version = 2;
    private const uint LegacyOption = 2;

    /// <inheritdoc/>
    public override string Name => "libxl header";

    internal override long BodyLength => Length;

    internal static LibxlHeader Read(ref BodyReader body)
    {
        if (body.BigU64() != Ident)
        {
            throw body.Refused(
                "It does not begin with \"LibxlFmt\".", "Choose the format that the stream really has: xl, libxl or libxc.");
        }

        uint version = body.BigU32();
        if (version != Version)
        {
            throw body.Refused(
                $"It has version {version}; version {Version} is known.", "Use a newer version of this module.");
        }

        uint options = body.BigU32();
        if ((options & 1) != 0)
        {
            throw body.Refused("The stream is big-endian.", "Save the domain on an x86 host.");
        }

        if ((options & ~LegacyOption) != 0)
        {
            throw body.Refused($"It has unknown options 0x{options:x}.", "Use a newer version of this module.");
        }

        return new LibxlHeader((options & LegacyOption) != 0);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.BigU64(Ident);
        sink.BigU32(Version);
        sink.BigU32(ConvertedFromLegacy ? LegacyOption : 0);
    }
}

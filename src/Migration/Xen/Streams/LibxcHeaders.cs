namespace PreRecordMigration.Xen.Streams;

/// <summary>The kind of domain in a libxc image.</summary>
public enum XenGuestKind : uint
{
    /// <summary>A paravirtualised domain.</summary>
    X86Pv = 1,

    /// <summary>A domain in a hardware container: HVM or PVH.</summary>
    X86Hvm = 2,
}

/// <summary>The 24 bytes that begin a libxc image, big-endian: a marker of ones, "XENF", version and options.</summary>
/// <param name="Version">
/// 3, or 2 of Xen before 4.14 that has neither policies nor STATIC_DATA_END.
/// </param>
public sealed record LibxcImageHeader(int Version = LibxcImageHeader.CurrentVersion) : XenStreamRecord
{
    /// <summary>The version that Xen has written since 4.14.</summary>
    public const int CurrentVersion = 3;

    internal const int Length = 24;

    private const ulong Marker = ulong.MaxValue;
    private const uint Id = 0x58454e46; // "XENF"

    /// <inheritdoc/>
    public override string Name => "libxc image header";

    internal override long BodyLength => Length;

    internal static LibxcImageHeader Read(ref BodyReader body)
    {
        if (body.BigU64() != Marker || body.BigU32() != Id)
        {
            throw body.Refused(
                "It does not begin with the marker and \"XENF\".",
                "Choose the format that the stream really has: xl, libxl or libxc. Legacy images need convert-legacy-stream.");
        }

        uint version = body.BigU32();
        if (version is not (2 or CurrentVersion))
        {
            throw body.Refused(
                $"It has version {version}; versions 2 and 3 are known.", "Use a newer version of this module.");
        }

        ushort options = body.BigU16();
        if ((options & 1) != 0)
        {
            throw body.Refused("The image is big-endian.", "Save the domain on an x86 host.");
        }

        if (options != 0)
        {
            throw body.Refused($"It has unknown options 0x{options:x}.", "Use a newer version of this module.");
        }

        body.Reserved(6);
        return new LibxcImageHeader((int)version);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.BigU64(Marker);
        sink.BigU32(Id);
        sink.BigU32((uint)Version);
        sink.Zeros(8);
    }
}

/// <summary>The 16 bytes that describe the domain of a libxc image.</summary>
/// <param name="Kind">PV or HVM container.</param>
/// <param name="XenMajor">Major version of the saving Xen; 0 where a legacy stream was converted.</param>
/// <param name="XenMinor">Minor version of the saving Xen.</param>
public sealed record LibxcDomainHeader(XenGuestKind Kind, uint XenMajor, uint XenMinor) : XenStreamRecord
{
    /// <summary>Size of a page as a power of two; x86 has no other.</summary>
    public const int PageShift = 12;

    internal const int Length = 16;

    /// <inheritdoc/>
    public override string Name => "libxc domain header";

    internal override long BodyLength => Length;

    internal static LibxcDomainHeader Read(ref BodyReader body)
    {
        uint kind = body.U32();
        if (kind is not ((uint)XenGuestKind.X86Pv or (uint)XenGuestKind.X86Hvm))
        {
            throw body.Refused(
                $"Its domain type 0x{kind:x} is neither x86 PV nor x86 HVM.", "Only x86 domains can be read.");
        }

        ushort shift = body.U16();
        if (shift != PageShift)
        {
            throw body.Malformed($"Its page shift is {shift}; x86 domains have 12.");
        }

        body.Reserved(2);
        return new LibxcDomainHeader((XenGuestKind)kind, body.U32(), body.U32());
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32((uint)Kind);
        sink.U16(PageShift);
        sink.U16(0);
        sink.U32(XenMajor);
        sink.U32(XenMinor);
    }
}

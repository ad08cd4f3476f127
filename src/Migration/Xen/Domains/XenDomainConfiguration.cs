using System.Text;
using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Xen.Domains;

/// <summary>A parameter of an HVM or PVH domain (HVM_PARAM_* of Xen's public/hvm/params.h).</summary>
/// <param name="Index">Which.</param>
/// <param name="Value">Its value.</param>
public readonly record struct XenHvmParameter(uint Index, ulong Value);

/// <summary>
/// What the source's Xen half tells the destination's before the checkpoint: the content of
/// <see cref="DomainDescription.Configuration"/>. Both halves of a migration agree on it; the engine does not look inside.
/// </summary>
/// <remarks>
/// <para>Serialised: magic "PRXC", version, then the members in the order of the constructor, integers little-endian,
/// blocks behind their length (for docs/protocol.md it is a block of bytes).</para>
/// <para>The content of the reserved pages travels in <see cref="CoreStates.CoreState.Pages"/>, except of those that the
/// restorer empties (<see cref="XenHvmParameters.Emptied"/>).</para>
/// </remarks>
/// <param name="Json">The domain's configuration as libxl's JSON (libxl_domain_config_to_json).</param>
/// <param name="XenMajor">Major version of the source's Xen.</param>
/// <param name="XenMinor">Minor version of the source's Xen.</param>
/// <param name="CpuidPolicy">The domain's CPUID leaves (xc_cpu_policy_serialise), 24 bytes each; empty: the destination's default.</param>
/// <param name="MsrPolicy">Its MSR entries, 16 bytes each; empty: the destination's default.</param>
/// <param name="Parameters">The HVM parameters that are not zero, each index once: those of <see cref="XenHvmParameters.Migrated"/>.</param>
/// <param name="ReservedPages">Ascending page frame numbers which are populated and must never be missing at the destination:
/// the special pages, and whatever the source cannot take from the domain (granted, mapped, event-channel and vcpu_info
/// pages).</param>
public sealed record XenDomainConfiguration(
    string Json,
    uint XenMajor,
    uint XenMinor,
    ReadOnlyMemory<byte> CpuidPolicy,
    ReadOnlyMemory<byte> MsrPolicy,
    IReadOnlyList<XenHvmParameter> Parameters,
    IReadOnlyList<int> ReservedPages)
{
    /// <summary>The version of the serialised form.</summary>
    public const uint Version = 3;

    private const uint Magic = 0x43585250; // "PRXC"
    private const int LargestJson = 4 << 20;
    private const int LargestPolicy = 256 << 10;
    private const int MostParameters = 64;
    private const int MostReservedPages = 1 << 20;
    private const int CpuidLeafLength = 24;
    private const int MsrEntryLength = 16;
    private const int ParameterLength = 12;
    private const int MostDisks = 256;
    private const long LargestDisk = 1L << 60;
    private const int DeepestJson = 64;

    /// <summary>The pages that hold a PV domain's p2m, in order; empty for other domains.</summary>
    public IReadOnlyList<int> P2mPages { get; init; } = [];

    /// <summary>Bytes of each disk as its guest sees it, in the order of the configuration; 0 where they are not known. Empty: of none.</summary>
    public IReadOnlyList<long> DiskBytes { get; init; } = [];

    /// <summary>Whether the domain has disks, network cards or other devices: libxl lists each kind in an array of its own.</summary>
    internal bool HasDevices
    {
        get
        {
            using JsonDocument json = JsonDocument.Parse(Json, new JsonDocumentOptions { MaxDepth = DeepestJson });
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.EnumerateObject().Any(static member =>
                member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() > 0);
        }
    }

    /// <summary>Finds a parameter; 0 where the domain has none of that index.</summary>
    public ulong GetParameter(uint index)
    {
        foreach (XenHvmParameter parameter in Parameters)
        {
            if (parameter.Index == index)
            {
                return parameter.Value;
            }
        }

        return 0;
    }

    /// <summary>Serialises the record.</summary>
    public byte[] Serialise()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Version);
        WriteBlock(writer, Encoding.UTF8.GetBytes(Json));
        writer.Write(XenMajor);
        writer.Write(XenMinor);
        WriteBlock(writer, CpuidPolicy.Span);
        WriteBlock(writer, MsrPolicy.Span);
        writer.Write(Parameters.Count);
        foreach (XenHvmParameter parameter in Parameters)
        {
            writer.Write(parameter.Index);
            writer.Write(parameter.Value);
        }

        writer.Write(ReservedPages.Count);
        foreach (int pfn in ReservedPages)
        {
            writer.Write(pfn);
        }

        writer.Write(P2mPages.Count);
        foreach (int pfn in P2mPages)
        {
            writer.Write(pfn);
        }

        writer.Write(DiskBytes.Count);
        foreach (long bytes in DiskBytes)
        {
            writer.Write(bytes);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads a serialised record that a peer sent: every size and value is checked.</summary>
    /// <param name="content">What came.</param>
    /// <param name="pageCount">The domain's page count: the reserved pages must be below it.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolVersion"/> for another version,
    /// <see cref="MigrationErrorId.ProtocolViolation"/> for everything else that is wrong.</exception>
    public static XenDomainConfiguration Parse(ReadOnlyMemory<byte> content, int pageCount)
    {
        XenRecordReader reader = new(content, "domain configuration");
        if (reader.U32() != Magic)
        {
            throw reader.Malformed("it does not begin with PRXC");
        }

        uint version = reader.U32();
        if (version != Version)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolVersion,
                $"The peer's Xen domain configuration has version {version}; this side reads version {Version}.",
                "Install the same version of the module on both hosts.");
        }

        string json = ReadJson(ref reader, out bool isPv);
        uint major = reader.U32();
        uint minor = reader.U32();
        ReadOnlyMemory<byte> leaves = ReadArray(ref reader, CpuidLeafLength, "CPUID policy");
        ReadOnlyMemory<byte> msrs = ReadArray(ref reader, MsrEntryLength, "MSR policy");
        XenHvmParameter[] parameters = ReadParameters(ref reader);
        int[] reserved = ReadReservedPages(ref reader, pageCount);
        int[] p2m = ReadP2mPages(ref reader, isPv ? pageCount : 0);
        long[] disks = ReadDiskBytes(ref reader);
        reader.End();
        return new XenDomainConfiguration(json, major, minor, leaves, msrs, parameters, reserved) { P2mPages = p2m, DiskBytes = disks };
    }

    private static void WriteBlock(BinaryWriter writer, ReadOnlySpan<byte> block)
    {
        writer.Write(block.Length);
        writer.Write(block);
    }

    private static string ReadJson(ref XenRecordReader reader, out bool isPv)
    {
        ReadOnlyMemory<byte> text = reader.Block(LargestJson, "configuration");
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = DeepestJson });
            string? type = LibxlJson.Text(LibxlJson.Member(document.RootElement, "c_info"), "type");
            if (type is not ("pvh" or "hvm" or "pv"))
            {
                throw reader.Malformed($"c_info.type is {(type is null ? "missing" : $"\"{type}\"")}, not \"pvh\", \"hvm\" or \"pv\"");
            }

            isPv = type == "pv";

            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(text.Span);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw reader.Malformed($"the configuration is no JSON ({error.Message})", error);
        }
    }

    private static ReadOnlyMemory<byte> ReadArray(ref XenRecordReader reader, int elementLength, string what)
    {
        ReadOnlyMemory<byte> block = reader.Block(LargestPolicy, what);
        return block.Length % elementLength == 0
            ? block
            : throw reader.Malformed($"the {what} has {block.Length} bytes, no multiple of {elementLength}");
    }

    private static XenHvmParameter[] ReadParameters(ref XenRecordReader reader)
    {
        int count = reader.Count(MostParameters, ParameterLength, "HVM parameters");
        XenHvmParameter[] parameters = new XenHvmParameter[count];
        for (int i = 0; i < count; i++)
        {
            XenHvmParameter parameter = new(reader.U32(), reader.U64());
            if (!XenHvmParameters.Migrated.Contains(parameter.Index))
            {
                throw reader.Malformed($"HVM parameter {parameter.Index} is none that migrates");
            }

            if (Array.Exists(parameters[..i], earlier => earlier.Index == parameter.Index))
            {
                throw reader.Malformed($"HVM parameter {parameter.Index} stands twice");
            }

            parameters[i] = parameter;
        }

        return parameters;
    }

    private static int[] ReadReservedPages(ref XenRecordReader reader, int pageCount)
    {
        int count = reader.Count(MostReservedPages, sizeof(int), "reserved pages");
        int[] pages = new int[count];
        int previous = -1;
        for (int i = 0; i < count; i++)
        {
            int pfn = (int)reader.U32();
            if (pfn <= previous || pfn >= pageCount)
            {
                throw reader.Malformed($"reserved page {pfn} is out of order or not below {pageCount}");
            }

            pages[i] = previous = pfn;
        }

        return pages;
    }

    /// <summary>Reads the pages of the p2m: as many as 8 bytes for each of the domain's pages take, or none where the domain has no p2m of
    /// its own, or is only asked about.</summary>
    private static int[] ReadP2mPages(ref XenRecordReader reader, int pageCount)
    {
        int expected = (int)((((long)pageCount * sizeof(ulong)) + Pages.Page.Size - 1) / Pages.Page.Size);
        int count = reader.Count(expected, sizeof(int), "p2m pages");
        int[] pages = new int[count];
        for (int i = 0; i < count; i++)
        {
            uint pfn = reader.U32();
            pages[i] = pfn < (uint)pageCount ? (int)pfn : throw reader.Malformed($"p2m page {pfn} is not below {pageCount}");
        }

        return count == expected || count == 0 ? pages : throw reader.Malformed($"it names {count} p2m pages of {expected}");
    }

    private static long[] ReadDiskBytes(ref XenRecordReader reader)
    {
        int count = reader.Count(MostDisks, sizeof(long), "sizes of disks");
        long[] sizes = new long[count];
        for (int i = 0; i < count; i++)
        {
            ulong bytes = reader.U64();
            sizes[i] = bytes <= LargestDisk ? (long)bytes : throw reader.Malformed($"disk {i} has {bytes} bytes, more than {LargestDisk}");
        }

        return sizes;
    }
}

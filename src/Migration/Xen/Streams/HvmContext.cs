namespace PreRecordMigration.Xen.Streams;

/// <summary>One entry of an HVM context: a descriptor and the state behind it.</summary>
/// <param name="TypeCode">HVM_SAVE_CODE of Xen's public headers; see the constants of <see cref="HvmContext"/>.</param>
/// <param name="Instance">Which of its type: the vCPU, for state of vCPUs.</param>
/// <param name="Offset">Offset of the descriptor in the block.</param>
/// <param name="Body">The state, part of the block's memory.</param>
public readonly record struct HvmSaveRecord(ushort TypeCode, ushort Instance, int Offset, ReadOnlyMemory<byte> Body);

/// <summary>
/// Takes apart the block that <c>xc_domain_hvm_getcontext</c> returns and an HVM_CONTEXT record carries: a chain of
/// descriptors (16-bit type, 16-bit instance, 32-bit length) that HEADER begins and END ends. Source: Xen's
/// public/hvm/save.h and public/arch-x86/hvm/save.h.
/// </summary>
public sealed class HvmContext
{
    /// <summary>Type of the last entry, which is empty.</summary>
    public const ushort EndType = 0;

    /// <summary>Type of the first entry, <c>struct hvm_save_header</c>.</summary>
    public const ushort HeaderType = 1;

    /// <summary>Type of a vCPU's registers, <c>struct hvm_hw_cpu</c>.</summary>
    public const ushort CpuType = 2;

    private const int DescriptorLength = 8;
    private const uint Magic = 0x54381286;
    private const uint Version = 1;

    private const string Remedy =
        "Take the context of the suspended domain again, cut to the length that xc_domain_hvm_getcontext returned.";

    private HvmContext(List<HvmSaveRecord> records, List<HvmVcpu> vcpus, uint cpuSignature, uint tscKhz)
    {
        Records = records;
        Vcpus = vcpus;
        CpuSignature = cpuSignature;
        TscKhz = tscKhz;
    }

    /// <summary>All entries in order, HEADER and END included.</summary>
    public IReadOnlyList<HvmSaveRecord> Records { get; }

    /// <summary>The vCPUs whose registers are in the context, in ascending order of their number: those that are online.</summary>
    public IReadOnlyList<HvmVcpu> Vcpus { get; }

    /// <summary>CPUID leaf 1 EAX of the saving machine.</summary>
    public uint CpuSignature { get; }

    /// <summary>Frequency of the guest's time-stamp counter in kHz.</summary>
    public uint TscKhz { get; }

    /// <summary>Takes a block apart.</summary>
    /// <param name="context">The block. It is kept, not copied.</param>
    /// <returns>Its entries and vCPUs.</returns>
    /// <exception cref="XenStreamException">The block is no HVM context; the offset is the one in the block.</exception>
    public static HvmContext Parse(ReadOnlyMemory<byte> context)
    {
        List<HvmSaveRecord> records = ReadChain(context);
        if (records[0].TypeCode != HeaderType)
        {
            throw Malformed("HVM_CONTEXT header", 0, $"The first entry has type {records[0].TypeCode} and is no header.");
        }

        BodyReader header = new(records[0].Body, "HVM_CONTEXT header", 0);
        uint magic = header.U32();
        uint version = header.U32();
        if (magic != Magic || version != Version)
        {
            throw Malformed("HVM_CONTEXT header", 0, $"It has magic 0x{magic:x8} and version {version}.");
        }

        header.U64(); // the saving Xen's changeset, which Xen no longer sets
        return new HvmContext(records, ReadVcpus(records), header.U32(), header.U32());
    }

    private static List<HvmSaveRecord> ReadChain(ReadOnlyMemory<byte> context)
    {
        List<HvmSaveRecord> records = [];
        int offset = 0;
        while (true)
        {
            string name = $"HVM_CONTEXT entry {records.Count}";
            if (context.Length - offset < DescriptorLength)
            {
                throw Malformed(name, offset, $"The block of {context.Length} bytes ends without an END entry.");
            }

            BodyReader descriptor = new(context.Slice(offset, DescriptorLength), name, offset);
            ushort type = descriptor.U16();
            ushort instance = descriptor.U16();
            uint length = descriptor.U32();
            int start = offset + DescriptorLength;
            if (length > context.Length - start)
            {
                throw Malformed(
                    name, offset, $"Type {type} announces {length} bytes; {context.Length - start} are left in the block.");
            }

            records.Add(new HvmSaveRecord(type, instance, offset, context.Slice(start, (int)length)));
            offset = start + (int)length;
            if (type == EndType)
            {
                return length == 0 && offset == context.Length
                    ? records
                    : throw Malformed(name, offset, $"{context.Length - start} bytes follow the END entry.");
            }
        }
    }

    private static List<HvmVcpu> ReadVcpus(List<HvmSaveRecord> records)
    {
        SortedDictionary<int, HvmVcpu> vcpus = [];
        foreach (HvmSaveRecord record in records.Where(record => record.TypeCode == CpuType))
        {
            string name = $"HVM_CONTEXT CPU {record.Instance}";
            if (record.Body.Length is not (HvmVcpu.StructLength or HvmVcpu.OldStructLength))
            {
                throw Malformed(
                    name,
                    record.Offset,
                    $"Its length is {record.Body.Length} bytes; {HvmVcpu.StructLength} and {HvmVcpu.OldStructLength} are known.");
            }

            if (!vcpus.TryAdd(record.Instance, HvmVcpu.Read(record.Instance, record.Body.Span)))
            {
                throw Malformed(name, record.Offset, "The context has this vCPU twice.");
            }
        }

        return [.. vcpus.Values];
    }

    private static XenStreamException Malformed(string record, int offset, string problem) =>
        new(record, offset, problem, Remedy);
}

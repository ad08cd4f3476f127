using System.Buffers.Binary;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>A domain's time-stamp counter (XEN_DOMCTL_gettscinfo).</summary>
/// <param name="Mode">TSC_MODE_*: 0 default, 1 always emulate, 2 never emulate (native).</param>
/// <param name="Khz">Frequency in kHz.</param>
/// <param name="ElapsedNanoseconds">Time elapsed in the domain, in nanoseconds.</param>
/// <param name="Incarnation">How often the domain was restored.</param>
public sealed record XenTsc(uint Mode, uint Khz, ulong ElapsedNanoseconds, uint Incarnation)
{
    private const int Length = 20;

    /// <summary>The counter as it travels: 20 bytes.</summary>
    internal byte[] ToBytes()
    {
        byte[] bytes = new byte[Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Mode);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Khz);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), ElapsedNanoseconds);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), Incarnation);
        return bytes;
    }

    /// <summary>Reads what a peer sent.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    internal static XenTsc Parse(ReadOnlyMemory<byte> content)
    {
        XenRecordReader reader = new(content, "time-stamp counter section");
        uint mode = reader.U32();
        uint khz = reader.U32();
        XenTsc parsed = new(mode, khz, reader.U64(), reader.U32());
        reader.End();
        return mode <= 2 ? parsed : throw reader.Malformed($"there is no TSC mode {mode}");
    }
}

/// <summary>
/// The sections of a Xen domain's core state, on which the source's and the destination's half agree:
/// <see cref="CoreStateKind.VcpuContexts"/> is the HVM context as xc_domain_hvm_getcontext returns it,
/// <see cref="CoreStateKind.Tsc"/> 20 bytes, both exactly once; <see cref="CoreStateKind.Devices"/> is there where the
/// domain has an emulator (HVM). The parameters and the CPU policy travel before the checkpoint, in
/// <see cref="XenDomainConfiguration"/>.
/// </summary>
/// <param name="HvmContext">The HVM context.</param>
/// <param name="Tsc">The time-stamp counter.</param>
/// <param name="Emulator">The emulated devices; null where the domain has no emulator (PVH).</param>
public sealed record XenCoreSections(ReadOnlyMemory<byte> HvmContext, XenTsc Tsc, EmulatorState? Emulator = null)
{
    /// <summary>The sections as they travel.</summary>
    public IReadOnlyList<CoreStateSection> ToSections()
    {
        List<CoreStateSection> sections =
            [new(CoreStateKind.Tsc, Tsc.ToBytes()), new(CoreStateKind.VcpuContexts, HvmContext)];
        if (Emulator is not null)
        {
            sections.Add(new(CoreStateKind.Devices, Emulator.Serialise()));
        }

        return sections;
    }

    /// <summary>Reads the sections that a peer sent.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: a section is missing, stands
    /// twice, is of a kind that a Xen domain has not, or is of a wrong size.</exception>
    public static XenCoreSections Parse(IReadOnlyList<CoreStateSection> sections)
    {
        ReadOnlyMemory<byte>? context = null;
        ReadOnlyMemory<byte>? tsc = null;
        EmulatorState? emulator = null;
        foreach (CoreStateSection section in sections)
        {
            switch (section.Kind)
            {
                case CoreStateKind.VcpuContexts when context is null && !section.Content.IsEmpty:
                    context = section.Content;
                    break;
                case CoreStateKind.Tsc when tsc is null:
                    tsc = section.Content;
                    break;
                case CoreStateKind.Devices when emulator is null:
                    emulator = EmulatorState.Parse(section.Content);
                    break;
                default:
                    throw Violation($"section {section.Kind} stands twice, is empty or is none of an HVM or PVH domain");
            }
        }

        if (context is null || tsc is null)
        {
            throw Violation($"section {(context is null ? CoreStateKind.VcpuContexts : CoreStateKind.Tsc)} is missing");
        }

        return new XenCoreSections(context.Value, XenTsc.Parse(tsc.Value), emulator);
    }

    private static MigrationException Violation(string problem) => new(
        MigrationErrorId.ProtocolViolation,
        $"The peer's core state of the domain is malformed: {problem}.",
        "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.");
}

using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Pv;

/// <summary>A PV vCPU's state, as Xen's stream has it. A part may be empty where the vCPU has none.</summary>
/// <param name="Id">The vCPU.</param>
/// <param name="Basic">struct vcpu_guest_context, its frames as page frame numbers.</param>
/// <param name="Extended">struct xen_domctl_ext_vcpucontext.</param>
/// <param name="Xsave">The extended processor state.</param>
/// <param name="Msrs">Model-specific registers, 16 bytes each.</param>
internal sealed record PvVcpuState(
    int Id, ReadOnlyMemory<byte> Basic, ReadOnlyMemory<byte> Extended, ReadOnlyMemory<byte> Xsave, ReadOnlyMemory<byte> Msrs);

/// <summary>
/// The sections of a PV domain's core state, on which the source's and the destination's half agree, each exactly once:
/// <see cref="CoreStateKind.P2m"/> is the type of each page-table page (a byte each, in the order of the core pages),
/// <see cref="CoreStateKind.Tsc"/> as for every Xen domain, <see cref="CoreStateKind.HypervisorParameters"/> the shared
/// information page, <see cref="CoreStateKind.VcpuContexts"/> a count and the vCPUs. docs/core-state.md tells the order.
/// </summary>
/// <param name="TableTypes">The types of the first core pages.</param>
/// <param name="Tsc">The time-stamp counter.</param>
/// <param name="SharedInfo">The shared information page.</param>
/// <param name="Vcpus">The online vCPUs, ascending.</param>
internal sealed record PvCoreSections(
    IReadOnlyList<XenPageType> TableTypes, XenTsc Tsc, ReadOnlyMemory<byte> SharedInfo, IReadOnlyList<PvVcpuState> Vcpus)
{
    private const int MostVcpus = 8192;
    private const int LargestPart = 64 << 10;
    private const int ExtendedLength = 128;
    private const int MsrLength = 16;

    /// <summary>The sections as they travel.</summary>
    internal IReadOnlyList<CoreStateSection> ToSections() =>
    [
        new(CoreStateKind.P2m, TableTypes.Select(type => (byte)type).ToArray()),
        new(CoreStateKind.Tsc, Tsc.ToBytes()),
        new(CoreStateKind.HypervisorParameters, SharedInfo),
        new(CoreStateKind.VcpuContexts, SerialiseVcpus()),
    ];

    /// <summary>Reads the sections of a core state that a peer sent.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: a section is missing, stands
    /// twice, is of a kind that a PV domain has not, or is malformed.</exception>
    internal static PvCoreSections Parse(CoreState core)
    {
        Dictionary<CoreStateKind, ReadOnlyMemory<byte>> sections = [];
        foreach (CoreStateSection section in core.Sections)
        {
            if (section.Kind is not (CoreStateKind.P2m or CoreStateKind.Tsc or CoreStateKind.HypervisorParameters
                    or CoreStateKind.VcpuContexts)
                || !sections.TryAdd(section.Kind, section.Content))
            {
                throw Violation($"section {section.Kind} stands twice or is none of a PV domain");
            }
        }

        ReadOnlyMemory<byte> info = Require(CoreStateKind.HypervisorParameters);
        if (info.Length != Page.Size)
        {
            throw Violation($"the shared information page has {info.Length} bytes");
        }

        return new PvCoreSections(
            ParseTypes(Require(CoreStateKind.P2m).Span, core), XenTsc.Parse(Require(CoreStateKind.Tsc)), info,
            ParseVcpus(Require(CoreStateKind.VcpuContexts)));

        ReadOnlyMemory<byte> Require(CoreStateKind kind) =>
            sections.TryGetValue(kind, out ReadOnlyMemory<byte> content) ? content : throw Violation($"section {kind} is missing");
    }

    private static XenPageType[] ParseTypes(ReadOnlySpan<byte> types, CoreState core)
    {
        if (types.Length != core.PageTablePageCount || types.Length > core.Pages.Count)
        {
            throw Violation($"there are {types.Length} page-table types for {core.PageTablePageCount} page-table pages");
        }

        XenPageType[] parsed = new XenPageType[types.Length];
        for (int i = 0; i < parsed.Length; i++)
        {
            parsed[i] = (XenPageType)types[i];
            if (!PvPageTable.IsTable(parsed[i]))
            {
                throw Violation($"page {core.Pages.Pfns[i]} has type {types[i]}, which is no page table's");
            }
        }

        return parsed;
    }

    private static PvVcpuState[] ParseVcpus(ReadOnlyMemory<byte> content)
    {
        XenRecordReader reader = new(content, "vCPU section");
        PvVcpuState[] vcpus = new PvVcpuState[reader.Count(MostVcpus, PvVcpuContext.Length, "vCPUs")];
        int previous = -1;
        for (int i = 0; i < vcpus.Length; i++)
        {
            uint id = reader.U32();
            PvVcpuState vcpu = new(
                (int)Math.Min(id, MostVcpus),
                reader.Block(PvVcpuContext.Length, "vCPU context"),
                reader.Block(ExtendedLength, "extended vCPU context"),
                reader.Block(LargestPart, "extended processor state"),
                reader.Block(LargestPart, "model-specific registers"));
            if (vcpu.Id <= previous || vcpu.Id >= MostVcpus || vcpu.Basic.Length != PvVcpuContext.Length
                || vcpu.Extended.Length != ExtendedLength || vcpu.Msrs.Length % MsrLength != 0)
            {
                throw reader.Malformed($"vCPU {id} is out of order, or a part of it is of a wrong size");
            }

            vcpus[i] = vcpu;
            previous = vcpu.Id;
        }

        reader.End();
        return vcpus;
    }

    private byte[] SerialiseVcpus()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(Vcpus.Count);
        foreach (PvVcpuState vcpu in Vcpus)
        {
            writer.Write(vcpu.Id);
            foreach (ReadOnlyMemory<byte> part in new[] { vcpu.Basic, vcpu.Extended, vcpu.Xsave, vcpu.Msrs })
            {
                writer.Write(part.Length);
                writer.Write(part.Span);
            }
        }

        writer.Flush();
        return stream.ToArray();
    }

    private static MigrationException Violation(string problem) => new(
        MigrationErrorId.ProtocolViolation,
        $"The peer's core state of the domain is malformed: {problem}.",
        "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.");
}

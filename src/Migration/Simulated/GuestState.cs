using System.Buffers.Binary;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>
/// A simulated guest's sections of the core state: vCPU contexts of <see cref="VcpuContext.Size"/> bytes one after another, and the
/// hypervisor's parameters, a 32-bit page frame number of each vCPU's shared-info page. Little-endian.
/// </summary>
internal static class GuestState
{
    public static CoreStateSection[] Save(ReadOnlySpan<Vcpu> vcpus, ReadOnlySpan<int> sharedInfoPfns)
    {
        byte[] contexts = new byte[vcpus.Length * VcpuContext.Size];
        byte[] parameters = new byte[sharedInfoPfns.Length * sizeof(int)];
        for (int i = 0; i < vcpus.Length; i++)
        {
            vcpus[i].Context.WriteTo(contexts.AsSpan(i * VcpuContext.Size));
            BinaryPrimitives.WriteInt32LittleEndian(parameters.AsSpan(i * sizeof(int)), sharedInfoPfns[i]);
        }

        return
        [
            new CoreStateSection(CoreStateKind.VcpuContexts, contexts),
            new CoreStateSection(CoreStateKind.HypervisorParameters, parameters),
        ];
    }

    /// <summary>Reads the sections, which come from outside.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: they fit no such guest.</exception>
    public static (VcpuContext[] Contexts, int[] SharedInfoPfns) Load(
        CoreState core, GuestLayout layout, PageBitmap populated, string domainName)
    {
        Require(core.Vcpus.Count == layout.VcpuCount, $"it has {core.Vcpus.Count} vCPUs instead of {layout.VcpuCount}", domainName);
        ReadOnlySpan<byte> contexts = Section(core, CoreStateKind.VcpuContexts, VcpuContext.Size, layout, domainName);
        ReadOnlySpan<byte> parameters = Section(core, CoreStateKind.HypervisorParameters, sizeof(int), layout, domainName);
        VcpuContext[] loaded = new VcpuContext[layout.VcpuCount];
        int[] pfns = new int[layout.VcpuCount];
        for (int i = 0; i < loaded.Length; i++)
        {
            bool isValid = VcpuContext.TryRead(contexts[(i * VcpuContext.Size)..], layout, out loaded[i]);
            Require(isValid, $"the context of vCPU {i} is impossible", domainName);
            pfns[i] = BinaryPrimitives.ReadInt32LittleEndian(parameters[(i * sizeof(int))..]);
            bool exists = (uint)pfns[i] < (uint)populated.PageCount && populated[pfns[i]];
            Require(exists, $"the shared-info page {pfns[i]} of vCPU {i} does not exist", domainName);
            Require(core.Pages.Pfns.Contains(pfns[i]), $"the shared-info page {pfns[i]} of vCPU {i} is not among its pages", domainName);
        }

        foreach (int pfn in core.Pages.Pfns)
        {
            Require(pfn < populated.PageCount && populated[pfn], $"its page {pfn} does not exist", domainName);
        }

        return (loaded, pfns);
    }

    private static ReadOnlySpan<byte> Section(CoreState core, CoreStateKind kind, int size, GuestLayout layout, string domainName)
    {
        CoreStateSection[] sections = [.. core.Sections.Where(section => section.Kind == kind)];
        Require(sections.Length == 1, $"it has {sections.Length} sections {kind}", domainName);
        ReadOnlySpan<byte> content = sections[0].Content.Span;
        Require(content.Length == size * layout.VcpuCount, $"its section {kind} has {content.Length} bytes", domainName);
        return content;
    }

    private static void Require(bool isRight, string problem, string domainName)
    {
        if (!isRight)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The core state for domain {domainName} is not one of this simulated domain: {problem}.",
                "Use the same version of the module on both sides.", domainName);
        }
    }
}

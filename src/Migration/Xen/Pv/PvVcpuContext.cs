using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Pv;

/// <summary>
/// The context of a 64-bit PV vCPU (struct vcpu_guest_context), as far as it names machine frames: these become page frame
/// numbers in a migration stream. The offsets are checked against Xen's headers in native/interop/src/layout.c.
/// </summary>
internal static class PvVcpuContext
{
    /// <summary>Bytes of the structure.</summary>
    internal const int Length = 5168;

    private const int StartInfoRegister = 616;
    private const int GdtFrames = 4832;
    private const int GdtEntries = 4960;
    private const int UserCr3 = 4992;
    private const int Cr3 = 5008;
    private const int GdtEntriesPerPage = Page.Size / sizeof(ulong);
    private const int MostGdtFrames = 16;

    /// <summary>What a context names, in page frame numbers.</summary>
    /// <param name="Cr3">The root of the kernel's page tables.</param>
    /// <param name="GdtPages">The pages of the descriptor table.</param>
    internal sealed record Pages(int Cr3, IReadOnlyList<int> GdtPages);

    /// <summary>Turns a context's machine frames into page frame numbers.</summary>
    /// <param name="context">The context, changed in place.</param>
    /// <param name="isFirst">Whether it is vCPU 0's, which holds the guest's start information in a register.</param>
    /// <param name="map">The domain's pages.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    internal static Pages Normalise(Span<byte> context, bool isFirst, PvMemoryMap map, string subject)
    {
        if (isFirst)
        {
            // The suspending guest passed the frame in edx.
            BinaryPrimitives.WriteUInt64LittleEndian(
                context[StartInfoRegister..], (ulong)Find(U64(context, StartInfoRegister), "start information"));
        }

        ulong entries = U64(context, GdtEntries);
        int[] gdt = new int[Math.Min(MostGdtFrames, (entries + GdtEntriesPerPage - 1) / GdtEntriesPerPage)];
        for (int i = 0; i < gdt.Length; i++)
        {
            int offset = GdtFrames + (i * sizeof(ulong));
            gdt[i] = Find(U64(context, offset), "descriptor table");
            BinaryPrimitives.WriteUInt64LittleEndian(context[offset..], (ulong)gdt[i]);
        }

        int root = Find(PageTableEntry.FrameOf(U64(context, Cr3)), "page tables");
        BinaryPrimitives.WriteUInt64LittleEndian(context[Cr3..], (ulong)root << Page.Shift);
        ulong user = U64(context, UserCr3);
        if (user != 0)
        {
            // Bit 0 says that the vCPU has user page tables.
            BinaryPrimitives.WriteUInt64LittleEndian(
                context[UserCr3..], ((ulong)Find(PageTableEntry.FrameOf(user), "user page tables") << Page.Shift) | 1);
        }

        return new Pages(root, gdt);

        int Find(ulong frame, string what) => map.TryFind(frame, out int pfn)
            ? pfn
            : throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{subject}: the machine frame 0x{frame:x} of a vCPU's {what} is none of the domain's pages.",
                "Look at the guest's console: it did not suspend as a paravirtualised guest does.",
                subject);
    }

    /// <summary>The page of the guest's start information; of a context that <see cref="Normalise"/> has changed.</summary>
    internal static int StartInfoPage(ReadOnlySpan<byte> context) => (int)U64(context, StartInfoRegister);

    private static ulong U64(ReadOnlySpan<byte> context, int offset) =>
        BinaryPrimitives.ReadUInt64LittleEndian(context[offset..]);
}

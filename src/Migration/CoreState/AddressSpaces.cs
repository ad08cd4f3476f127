using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>What the guest's page tables say of a page: of all places where it is mapped together.</summary>
[Flags]
public enum PageUse : byte
{
    /// <summary>Nothing that was read maps it.</summary>
    None = 0,

    /// <summary>It is mapped in the lower half of an address space, where processes are.</summary>
    User = 1,

    /// <summary>It is mapped in the upper half, the kernel's, other than by its map of all memory.</summary>
    Kernel = 2,

    /// <summary>The processor has reached it in the lower half since the bit was last cleared. (Kernels set the bit of their own half beforehand.)</summary>
    Accessed = 4,

    /// <summary>The processor has written it in the lower half since the bit was last cleared.</summary>
    Dirty = 8,

    /// <summary>It may be executed.</summary>
    Executable = 16,

    /// <summary>It is a part of a page of 2 MiB or 1 GiB.</summary>
    Large = 32,
}

/// <summary>
/// The guest's address spaces, as far as its page tables were read: for each page where it is mapped and how it is used. This project's
/// definition (docs/core-state.md).
/// </summary>
/// <remarks>
/// A page that is mapped more than once stands where it was found first. Immutable, and read without a lock. Takes a byte for each page of a
/// chunk of 4,096 of which one is mapped, up to four bits a page, and what <see cref="PageAxis"/> takes.
/// </remarks>
public sealed class AddressSpaces
{
    private readonly byte[]?[] _uses;

    internal AddressSpaces(PageAxis axis, byte[]?[] uses, PageBitmap populated)
    {
        (Axis, _uses) = (axis, uses);
        Places = new PageBitmap(axis.Length);
        Accessed = new PageBitmap(axis.Length);
        Mapped = new PageBitmap(axis.Length);
        Fill(populated);
    }

    /// <summary>The line on which virtual neighbours are neighbours.</summary>
    public PageAxis Axis { get; }

    /// <summary>How many address spaces were read.</summary>
    public int Count { get; init; }

    /// <summary>How many page-table pages were read.</summary>
    public int TableCount { get; init; }

    /// <summary>Whether all that was found was read: false where the guest's tables are more than any sense explains, and the rest was left.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>The places of populated pages on the axis.</summary>
    internal PageBitmap Places { get; }

    /// <summary>The places of pages that processes have reached.</summary>
    internal PageBitmap Accessed { get; }

    /// <summary>The places of pages that are mapped.</summary>
    internal PageBitmap Mapped { get; }

    /// <summary>What the tables say of a page.</summary>
    /// <param name="pfn">A page of the guest.</param>
    public PageUse UseOf(int pfn) =>
        _uses[pfn >> PageAxis.ChunkShift] is { } chunk ? (PageUse)chunk[pfn & ((1 << PageAxis.ChunkShift) - 1)] : PageUse.None;

    private void Fill(PageBitmap populated)
    {
        ulong places = 0;
        ulong accessed = 0;
        for (int at = 0; at < Axis.VirtualLength; at++)
        {
            int pfn = Axis.PfnAt(at);
            places |= pfn >= 0 ? 1UL << (at & 63) : 0;
            accessed |= pfn >= 0 && (UseOf(pfn) & PageUse.Accessed) != 0 ? 1UL << (at & 63) : 0;
            if ((at & 63) == 63 || at + 1 == Axis.VirtualLength)
            {
                Places.OrWord(at >> 6, places);
                Mapped.OrWord(at >> 6, places);
                Accessed.OrWord(at >> 6, accessed);
                (places, accessed) = (0, 0);
            }
        }

        // A run of page frames of which none is mapped is set at once, whatever its length.
        foreach (PageRange range in populated.Ranges())
        {
            for (int first = range.First; first < range.End;)
            {
                int end = Math.Min(range.End, (first | ((1 << PageAxis.ChunkShift) - 1)) + 1);
                if (_uses[first >> PageAxis.ChunkShift] is null)
                {
                    Places.SetRange(Axis.VirtualLength + first, end - first);
                }
                else
                {
                    FillFrames(first, end);
                }

                first = end;
            }
        }
    }

    private void FillFrames(int first, int end)
    {
        for (int pfn = first; pfn < end; pfn++)
        {
            PageUse use = UseOf(pfn);
            if ((use & PageUse.User) == 0)
            {
                Places.TrySet(Axis.VirtualLength + pfn);
                if (use != PageUse.None)
                {
                    Mapped.TrySet(Axis.VirtualLength + pfn);
                }
            }
        }
    }
}

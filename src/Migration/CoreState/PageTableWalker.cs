using System.Runtime.InteropServices;
using PreRecordMigration.Pages;
using static PreRecordMigration.Pages.PageTableEntry;

namespace PreRecordMigration.CoreStates;

/// <summary>Finds a guest's page-table pages by walking them from every vCPU's CR3.</summary>
/// <remarks>
/// x86-64 tables (Intel SDM vol. 3, 4.5): 512 entries of 8 bytes; bit 0 present; bit 7 in levels 3 and 2 a large page;
/// bits 12–51 the next frame. Entries that lead outside the populated pages are passed over: the guest owns its tables,
/// and the walk must end whatever they hold.
/// </remarks>
public static class PageTableWalker
{
    private const int BatchPages = 64;

    /// <summary>Walks all vCPUs' tables.</summary>
    /// <param name="memory">Memory that does not change meanwhile.</param>
    /// <param name="populated">The pages that exist.</param>
    /// <param name="vcpus">The vCPUs; those with <see cref="PagingMode.None"/> are passed over.</param>
    /// <returns>The page-table pages with their contents, roots first, level by level; each once.</returns>
    public static PageSet Collect(IGuestMemory memory, PageBitmap populated, IEnumerable<VcpuState> vcpus)
    {
        Walk walk = new(memory, populated);
        foreach (VcpuState vcpu in vcpus.Where(vcpu => vcpu.Paging != PagingMode.None))
        {
            walk.Enter(vcpu.Cr3, (int)vcpu.Paging);
        }

        return walk.Collect();
    }

    /// <summary>Puts the guest's page tables in front of a captured core state's own pages.</summary>
    /// <param name="core">A core state without page tables.</param>
    /// <param name="memory">The suspended domain's memory.</param>
    /// <param name="populated">The pages that exist.</param>
    public static CoreState AddPageTables(CoreState core, IGuestMemory memory, PageBitmap populated)
    {
        PageSet tables = Collect(memory, populated, core.Vcpus);
        PageBitmap isTable = new(populated.PageCount);
        foreach (int pfn in tables.Pfns)
        {
            isTable.TrySet(pfn);
        }

        int[] pfns = new int[tables.Count + core.Pages.Count];
        byte[] contents = new byte[pfns.Length * Page.Size];
        tables.Pfns.CopyTo(pfns);
        tables.Contents.CopyTo(contents);
        int count = tables.Count;
        for (int i = 0; i < core.Pages.Count; i++)
        {
            int pfn = core.Pages.Pfns[i];
            if (pfn >= isTable.PageCount || !isTable[pfn])
            {
                core.Pages.ContentAt(i).CopyTo(Page.At(contents.AsSpan(), count));
                pfns[count++] = pfn;
            }
        }

        return core with { Pages = new PageSet(pfns[..count], contents[..(count * Page.Size)]), PageTablePageCount = tables.Count };
    }

    /// <summary>A walk from the highest level down. The domain stands still meanwhile: each table is read once, a level in large batches, and nothing is
    /// asked of a dictionary for each of its entries.</summary>
    private sealed class Walk(IGuestMemory memory, PageBitmap populated)
    {
        private const int Levels = (int)PagingMode.FiveLevel;

        // A page can serve at several levels (recursive tables), and must be walked at each: what was seen is kept by level.
        private readonly PageBitmap?[] _seen = new PageBitmap?[Levels + 1];
        private readonly List<int>[] _pending = [.. Enumerable.Range(0, Levels + 1).Select(_ => new List<int>())];
        private readonly PageBitmap _collected = new(populated.PageCount);
        private readonly List<int> _pfns = [];
        private byte[] _contents = [];

        /// <summary>Notes the table that an entry of the level above, or a CR3, leads to.</summary>
        public void Enter(ulong entry, int level)
        {
            ulong frame = FrameOf(entry);
            if (frame < (ulong)populated.PageCount && populated[(int)frame]
                && (_seen[level] ??= new PageBitmap(populated.PageCount)).TrySet((int)frame))
            {
                _pending[level].Add((int)frame);
            }
        }

        /// <summary>Walks what has been noted, and what that leads to.</summary>
        public PageSet Collect()
        {
            byte[] batch = new byte[BatchPages * Page.Size];
            for (int level = Levels; level >= 1; level--)
            {
                foreach (int[] chunk in _pending[level].Chunk(BatchPages))
                {
                    memory.Read(chunk, batch.AsSpan(0, chunk.Length * Page.Size));
                    for (int i = 0; i < chunk.Length; i++)
                    {
                        ReadOnlySpan<byte> table = Page.At(batch.AsSpan(), i);
                        Keep(chunk[i], table);
                        if (level > 1)
                        {
                            EnterAll(MemoryMarshal.Cast<byte, ulong>(table), level);
                        }
                    }
                }
            }

            return new PageSet([.. _pfns], _contents[..(_pfns.Count * Page.Size)]);
        }

        private void Keep(int pfn, ReadOnlySpan<byte> table)
        {
            if (!_collected.TrySet(pfn))
            {
                return;
            }

            int length = _pfns.Count * Page.Size;
            if (length == _contents.Length)
            {
                Array.Resize(ref _contents, Math.Max(BatchPages * Page.Size, 2 * length));
            }

            table.CopyTo(_contents.AsSpan(length));
            _pfns.Add(pfn);
        }

        private void EnterAll(ReadOnlySpan<ulong> table, int level)
        {
            ulong leaf = level is 2 or 3 ? Large : 0;
            foreach (ulong entry in table)
            {
                if ((entry & Present) != 0 && (entry & leaf) == 0)
                {
                    Enter(entry, level - 1);
                }
            }
        }
    }
}

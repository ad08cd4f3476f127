using System.Buffers.Binary;
using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>Finds a guest's page-table pages by walking them from every vCPU's CR3.</summary>
/// <remarks>
/// x86-64 tables (Intel SDM vol. 3, 4.5): 512 entries of 8 bytes; bit 0 present; bit 7 in levels 3 and 2 a large page;
/// bits 12–51 the next frame. Entries that lead outside the populated pages are passed over: the guest owns its tables,
/// and the walk must end whatever they hold.
/// </remarks>
public static class PageTableWalker
{
    private const ulong Present = 1;
    private const ulong Large = 1 << 7;
    private const ulong FrameMask = 0x000F_FFFF_FFFF_F000;
    private const int BatchPages = 64;

    /// <summary>Walks all vCPUs' tables.</summary>
    /// <param name="memory">Memory that does not change meanwhile.</param>
    /// <param name="populated">The pages that exist.</param>
    /// <param name="vcpus">The vCPUs; those with <see cref="PagingMode.None"/> are passed over.</param>
    /// <returns>The page-table pages with their contents, roots first, level by level; each once.</returns>
    public static PageSet Collect(IGuestMemory memory, PageBitmap populated, IEnumerable<VcpuState> vcpus)
    {
        List<int> pfns = [];
        List<byte[]> contents = [];
        // A page can serve at several levels (recursive tables), and must be walked at each: seen is kept by level.
        Dictionary<int, PageBitmap> seenAt = [];
        PageBitmap collected = new(populated.PageCount);
        Dictionary<int, List<int>> pending = [];

        void Enter(ulong entry, int level)
        {
            ulong frame = (entry & FrameMask) >> Page.Shift;
            if (frame >= (ulong)populated.PageCount || !populated[(int)frame])
            {
                return;
            }

            if (!seenAt.TryGetValue(level, out PageBitmap? seen))
            {
                seenAt[level] = seen = new PageBitmap(populated.PageCount);
                pending[level] = [];
            }

            if (seen.TrySet((int)frame))
            {
                pending[level].Add((int)frame);
            }
        }

        foreach (VcpuState vcpu in vcpus.Where(vcpu => vcpu.Paging != PagingMode.None))
        {
            Enter(vcpu.Cr3, (int)vcpu.Paging);
        }

        byte[] batch = new byte[BatchPages * Page.Size];
        for (int level = (int)PagingMode.FiveLevel; level >= 1; level--)
        {
            if (!pending.TryGetValue(level, out List<int>? tables))
            {
                continue;
            }

            foreach (int[] chunk in tables.Chunk(BatchPages))
            {
                memory.Read(chunk, batch.AsSpan(0, chunk.Length * Page.Size));
                for (int i = 0; i < chunk.Length; i++)
                {
                    ReadOnlySpan<byte> table = Page.At(batch.AsSpan(), i);
                    if (collected.TrySet(chunk[i]))
                    {
                        pfns.Add(chunk[i]);
                        contents.Add(table.ToArray());
                    }

                    if (level > 1)
                    {
                        EnterAll(table, level);
                    }
                }
            }
        }

        void EnterAll(ReadOnlySpan<byte> table, int level)
        {
            for (int offset = 0; offset < Page.Size; offset += sizeof(ulong))
            {
                ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(table[offset..]);
                bool isLarge = level is 2 or 3 && (entry & Large) != 0;
                if ((entry & Present) != 0 && !isLarge)
                {
                    Enter(entry, level - 1);
                }
            }
        }

        return new PageSet([.. pfns], contents.SelectMany(content => content).ToArray());
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

        List<int> pfns = [.. tables.Pfns];
        List<byte> contents = [.. tables.Contents];
        for (int i = 0; i < core.Pages.Count; i++)
        {
            int pfn = core.Pages.Pfns[i];
            if (pfn >= isTable.PageCount || !isTable[pfn])
            {
                pfns.Add(pfn);
                contents.AddRange(core.Pages.ContentAt(i));
            }
        }

        return core with { Pages = new PageSet([.. pfns], [.. contents]), PageTablePageCount = tables.Count };
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;
using static PreRecordMigration.Pages.PageTableEntry;

namespace PreRecordMigration.CoreStates;

/// <summary>Reads a guest's address spaces from its page tables.</summary>
/// <remarks>
/// The tables are the guest's, and may hold anything: each page is read at most once as a table of each level, entries that lead outside
/// the populated pages are passed over, and both the tables and the mappings that are read have a bound that grows with the guest
/// alone. x86-64 tables (Intel SDM vol. 3, 4.5) of four levels.
/// </remarks>
public sealed class AddressSpaceReader
{
    private const int RootLevel = 4;
    private const int Entries = Page.Size / sizeof(ulong);
    private const int BatchPages = 64;
    private const int LevelBits = 9;
    private readonly TablePages _tables;
    private readonly PageBitmap _populated;
    private readonly AddressSpaceBuilder _builder;
    private readonly CancellationToken _cancellation;
    private readonly PageBitmap?[] _seen = new PageBitmap?[RootLevel + 1];
    private readonly byte[]?[] _buffers = new byte[]?[RootLevel + 1];
    private readonly List<(int Pfn, ulong Page)>[] _below = [.. Enumerable.Range(0, RootLevel + 1).Select(_ => new List<(int, ulong)>())];
    private readonly int[] _batch = new int[BatchPages];
    private readonly long _mostTables;
    private long _mappingsLeft;
    private int _tableCount;

    private AddressSpaceReader(TablePages tables, PageBitmap populated, CancellationToken cancellationToken)
    {
        (_tables, _populated, _cancellation) = (tables, populated, cancellationToken);
        _builder = new AddressSpaceBuilder(populated);

        // A table maps 512 pages; where processes share memory, each has tables of its own for it.
        _mostTables = (populated.PageCount / 64) + 4096;
        _mappingsLeft = (4L * populated.PageCount) + (1 << 16);
    }

    /// <summary>Reads the address spaces of the vCPUs, and those whose roots share the kernel's half with them.</summary>
    /// <param name="core">The core state: the vCPUs' roots, and tables that it has.</param>
    /// <param name="memory">The guest's memory; null where only the core state's own tables name page frame numbers (PV domains).</param>
    /// <param name="populated">The pages that exist.</param>
    /// <param name="candidates">Pages among which to look for further roots, those most likely first: what was recorded, for the processor
    /// reads a root before anything else of its address space. The core state's own pages are looked at in any case.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="Errors.MigrationException">The memory cannot be read.</exception>
    public static AddressSpaces Read(
        CoreState core, IGuestMemory? memory, PageBitmap populated, ReadOnlySpan<int> candidates, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(core);
        AddressSpaceReader reader = new(new TablePages(core.Pages, memory), populated, cancellationToken);
        int[] loaded =
        [
            .. core.Vcpus.Where(vcpu => vcpu.Paging == PagingMode.FourLevel).Select(vcpu => FrameOf(vcpu.Cr3))
                .Where(frame => frame < (ulong)populated.PageCount && populated[(int)frame]).Select(frame => (int)frame).Distinct(),
        ];
        int[] others = loaded.Length == 0 ? [] : reader.FindRoots(loaded, core.Pages.Pfns[..core.PageTablePageCount], memory is null ? [] : candidates);
        foreach (int root in (int[])[.. loaded, .. others])
        {
            reader.ReadRoot(root);
        }

        return reader._builder.Build(reader._tableCount, reader.HasRoom);
    }

    private bool HasRoom => _tableCount < _mostTables && _mappingsLeft > 0;

    private int[] FindRoots(ReadOnlySpan<int> loaded, ReadOnlySpan<int> tables, ReadOnlySpan<int> candidates)
    {
        RootFinder finder = new(_tables, _populated, _cancellation);
        foreach (int root in loaded)
        {
            finder.AddKnown(root);
        }

        finder.Look(tables);
        finder.Look(candidates);
        return finder.Found;
    }

    private void ReadRoot(int root)
    {
        if (!HasRoom || !Enter(root, RootLevel))
        {
            return;
        }

        _builder.BeginSpace();
        byte[] table = new byte[Page.Size];
        _tables.Read([root], table);
        _tableCount++;
        Walk(table, RootLevel, 0, isKernel: false);
        Walk(table, RootLevel, 0, isKernel: true);
    }

    /// <summary>Reads a table's entries; of a root those of one half.</summary>
    private void Walk(ReadOnlySpan<byte> table, int level, ulong firstPage, bool isKernel)
    {
        ReadOnlySpan<ulong> entries = MemoryMarshal.Cast<byte, ulong>(table);
        (int first, int end) = level < RootLevel ? (0, Entries) : isKernel ? (Entries / 2, Entries) : (0, Entries / 2);
        ulong pages = 1UL << (LevelBits * (level - 1));
        List<(int Pfn, ulong Page)> below = _below[level];
        for (int i = first; i < end && HasRoom; i++)
        {
            ulong entry = BitConverter.IsLittleEndian ? entries[i] : BinaryPrimitives.ReverseEndianness(entries[i]);
            if ((entry & Present) == 0)
            {
                continue;
            }

            ulong page = firstPage + ((ulong)i * pages);
            if (level == 1 || (level < RootLevel && (entry & Large) != 0))
            {
                // What lies below it comes before it.
                Descend(below, level - 1, isKernel);
                Map(entry, page, pages, isKernel);
            }
            else if (FrameOf(entry) is ulong frame && frame < (ulong)_populated.PageCount && Enter((int)frame, level - 1))
            {
                below.Add(((int)frame, page));
            }
        }

        Descend(below, level - 1, isKernel);
    }

    private void Descend(List<(int Pfn, ulong Page)> tables, int level, bool isKernel)
    {
        _cancellation.ThrowIfCancellationRequested();
        for (int start = 0; start < tables.Count && HasRoom; start += BatchPages)
        {
            int count = Math.Min(BatchPages, tables.Count - start);
            for (int i = 0; i < count; i++)
            {
                _batch[i] = tables[start + i].Pfn;
            }

            // Those of a level are read while those above wait: each level has a buffer.
            byte[] buffer = _buffers[level] ??= new byte[BatchPages * Page.Size];
            _tables.Read(_batch.AsSpan(0, count), buffer.AsSpan(0, count * Page.Size));
            _tableCount += count;
            for (int i = 0; i < count; i++)
            {
                Walk(Page.At(buffer.AsSpan(), i), level, tables[start + i].Page, isKernel);
            }
        }

        tables.Clear();
    }

    private void Map(ulong entry, ulong page, ulong pages, bool isKernel)
    {
        // Of a large page the lower bits of its frame are none (one of them is PAT).
        ulong frame = FrameOf(entry) & ~(pages - 1);
        if (frame >= (ulong)_populated.PageCount)
        {
            return;
        }

        int count = (int)Math.Min(pages, (ulong)_populated.PageCount - frame);
        PageUse use = ((entry & Accessed) != 0 ? PageUse.Accessed : 0) | ((entry & Dirty) != 0 ? PageUse.Dirty : 0)
            | ((entry & NoExecute) == 0 ? PageUse.Executable : 0) | (pages > 1 ? PageUse.Large : 0);
        if (!isKernel)
        {
            _mappingsLeft -= count;
            _builder.MapUser(page, (int)frame, count, use);
        }
        else if (pages == 1 || (use & PageUse.Executable) != 0)
        {
            // Large pages that are not executed are the kernel's map of all memory, which says nothing of any page.
            _mappingsLeft -= count;
            for (int i = 0; i < count; i++)
            {
                _builder.MapKernel((int)frame + i, use);
            }
        }
    }

    /// <summary>Whether a page exists and has not been read as a table of that level.</summary>
    private bool Enter(int pfn, int level) => _populated[pfn] && (_seen[level] ??= new PageBitmap(_populated.PageCount)).TrySet(pfn);
}

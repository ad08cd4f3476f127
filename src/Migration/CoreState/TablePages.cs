using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>Where page tables are read: from what the core state has of them, else from memory. One thread.</summary>
internal sealed class TablePages
{
    private readonly PageSet _core;
    private readonly IGuestMemory? _memory;
    private readonly Dictionary<int, int> _indexes;

    /// <summary>Prepares for reading.</summary>
    /// <param name="core">Pages with their contents.</param>
    /// <param name="memory">Everything else; null where other pages are read as empty ones.</param>
    public TablePages(PageSet core, IGuestMemory? memory)
    {
        (_core, _memory) = (core, memory);
        _indexes = new Dictionary<int, int>(core.Count);
        for (int i = 0; i < core.Count; i++)
        {
            _indexes[core.Pfns[i]] = i;
        }
    }

    /// <summary>Reads pages, all populated.</summary>
    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        int start = 0;
        for (int i = 0; i <= pfns.Length; i++)
        {
            if (i < pfns.Length && !_indexes.ContainsKey(pfns[i]))
            {
                continue;
            }

            ReadMemory(pfns[start..i], pages[(start * Page.Size)..(i * Page.Size)]);
            if (i < pfns.Length)
            {
                _core.ContentAt(_indexes[pfns[i]]).CopyTo(Page.At(pages, i));
            }

            start = i + 1;
        }
    }

    private void ReadMemory(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        if (pfns.IsEmpty)
        {
            return;
        }

        if (_memory is null)
        {
            pages.Clear();
        }
        else
        {
            _memory.Read(pfns, pages);
        }
    }
}

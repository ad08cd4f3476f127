using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.CoreStates;

/// <summary>
/// Finds roots of address spaces: pages whose upper half is that of a known root, because a kernel has the same in each. Bounded, whatever
/// the guest does.
/// </summary>
internal sealed class RootFinder(TablePages tables, PageBitmap populated, CancellationToken cancellationToken)
{
    /// <summary>Most pages that are looked at: a root is read in every epoch, so it is among those that are most used.</summary>
    public const int MostCandidates = 1 << 14;

    /// <summary>Most roots.</summary>
    public const int MostRoots = 4096;

    private const int BatchPages = 64;
    private const int Half = Page.Size / sizeof(ulong) / 2;

    /// <summary>Accessed and dirty bits may differ.</summary>
    private const ulong Compared = ~0x60UL;

    private readonly List<ulong[]> _known = [];
    private readonly List<int> _found = [];
    private readonly HashSet<int> _seen = [];
    private int _left = MostCandidates;

    /// <summary>The roots that were found, in the order in which they were looked at.</summary>
    public int[] Found => [.. _found];

    /// <summary>Adds a root that a vCPU has.</summary>
    public void AddKnown(int root)
    {
        byte[] page = new byte[Page.Size];
        tables.Read([root], page);
        ulong[] half = UpperHalf(page).ToArray();
        if (_seen.Add(root) && Count(half) > 0 && !_known.Any(known => IsAlike(half, known)))
        {
            _known.Add(half);
        }
    }

    /// <summary>Looks at pages.</summary>
    public void Look(ReadOnlySpan<int> pfns)
    {
        List<int> batch = new(BatchPages);
        byte[] pages = new byte[Math.Min(BatchPages, pfns.Length) * Page.Size];
        for (int i = 0; i <= pfns.Length && _known.Count > 0; i++)
        {
            if (i < pfns.Length && pfns[i] < populated.PageCount && populated[pfns[i]] && _left > 0 && _seen.Add(pfns[i]))
            {
                batch.Add(pfns[i]);
                _left--;
            }

            if (batch.Count == BatchPages || (i == pfns.Length && batch.Count > 0))
            {
                cancellationToken.ThrowIfCancellationRequested();
                LookAt(CollectionsMarshal.AsSpan(batch), pages.AsSpan(0, batch.Count * Page.Size));
                batch.Clear();
            }
        }
    }

    private static ReadOnlySpan<ulong> UpperHalf(ReadOnlySpan<byte> page) => MemoryMarshal.Cast<byte, ulong>(page)[Half..];

    private static int Count(ReadOnlySpan<ulong> half)
    {
        int count = 0;
        foreach (ulong entry in half)
        {
            count += (int)(entry & 1);
        }

        return count;
    }

    /// <summary>Whether two halves are the same but for few entries: some kernels have one in there that belongs to the process.</summary>
    private static bool IsAlike(ReadOnlySpan<ulong> half, ReadOnlySpan<ulong> known)
    {
        int left = Count(known) / 8;
        for (int i = 0; i < Half; i++)
        {
            if (((half[i] ^ known[i]) & Compared) != 0 && --left < 0)
            {
                return false;
            }
        }

        return true;
    }

    private void LookAt(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        tables.Read(pfns, pages);
        for (int i = 0; i < pfns.Length && _found.Count < MostRoots; i++)
        {
            ReadOnlySpan<ulong> half = UpperHalf(Page.At(pages, i));
            foreach (ulong[] known in _known)
            {
                if (IsAlike(half, known))
                {
                    _found.Add(pfns[i]);
                    break;
                }
            }
        }
    }
}

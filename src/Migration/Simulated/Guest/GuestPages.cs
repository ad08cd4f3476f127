using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>What stands between a guest's access and its page.</summary>
[Flags]
internal enum PageTraps : byte
{
    None = 0,

    /// <summary>The page has not arrived: every access waits.</summary>
    Missing = 1,

    /// <summary>The page was not touched in this epoch: the next access is recorded.</summary>
    Access = 2,

    /// <summary>The next write is backed up, or marked dirty, before it happens.</summary>
    Write = 4,

    /// <summary>There is no such page.</summary>
    Unpopulated = 8,
}

/// <summary>Handles a trapped access.</summary>
internal interface ITrapHandler
{
    /// <summary>Does what the page's traps ask for, waiting if need be.</summary>
    /// <returns>False if there is no such page; true when the access may happen.</returns>
    bool Handle(int vcpu, int pfn, bool isWrite);
}

/// <summary>A guest's physical memory with its traps: the simulated counterpart of second-level page tables.</summary>
/// <remarks>
/// Whoever takes a right away (sets a trap) must have the vCPUs outside of guest code, as a hypervisor flushes TLBs; rights
/// are given (traps cleared) under the domain's lock while vCPUs run. So an access is one load of the traps and then the
/// page, with no lock.
/// </remarks>
internal sealed class GuestPages
{
    private readonly byte[] _bytes;
    private readonly byte[] _traps;

    public GuestPages(int pageCount, IEnumerable<PageRange> populated)
    {
        _bytes = new byte[checked(pageCount * Page.Size)];
        _traps = new byte[pageCount];
        Populated = new PageBitmap(pageCount);
        Array.Fill(_traps, (byte)PageTraps.Unpopulated);
        foreach (PageRange range in populated)
        {
            Populated.SetRange(range.First, range.Count);
            Array.Clear(_traps, range.First, range.Count);
        }
    }

    public int PageCount => _traps.Length;

    /// <summary>Which pages exist; never changes.</summary>
    public PageBitmap Populated { get; }

    /// <summary>Handles trapped accesses; null where no trap is ever set.</summary>
    public ITrapHandler? Handler { get; set; }

    /// <summary>A page's bytes, past all traps: the hypervisor's own access.</summary>
    public Span<byte> this[int pfn] => Page.At(_bytes.AsSpan(), pfn);

    public PageTraps TrapsOf(int pfn) => (PageTraps)Volatile.Read(ref _traps[pfn]);

    /// <summary>Sets traps. The vCPUs must be outside of guest code.</summary>
    public void Trap(int pfn, PageTraps traps) => Volatile.Write(ref _traps[pfn], (byte)(TrapsOf(pfn) | traps));

    /// <summary>Clears traps, under the domain's lock.</summary>
    public void Untrap(int pfn, PageTraps traps) => Volatile.Write(ref _traps[pfn], (byte)(TrapsOf(pfn) & ~traps));

    /// <summary>The guest's access to a page: passes the traps first.</summary>
    /// <returns>False if there is no such page.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAccess(int vcpu, ulong frame, bool isWrite, out Span<byte> page)
    {
        if (frame >= (ulong)_traps.Length)
        {
            page = default;
            return false;
        }

        int pfn = (int)frame;
        PageTraps relevant = isWrite ? (PageTraps)byte.MaxValue : ~PageTraps.Write;
        if ((TrapsOf(pfn) & relevant) != 0 && !(Handler is not null && Handler.Handle(vcpu, pfn, isWrite)))
        {
            page = default;
            return false;
        }

        page = MemoryMarshal.CreateSpan(
            ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_bytes), (nint)pfn << Page.Shift), Page.Size);
        return true;
    }
}

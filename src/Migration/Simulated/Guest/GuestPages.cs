using System.Runtime.CompilerServices;
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

    /// <summary>The next write is backed up before it happens.</summary>
    Write = 4,

    /// <summary>There is no such page.</summary>
    Unpopulated = 8,

    /// <summary>The page was not written since the hypervisor's dirty log was read: the next write is logged.</summary>
    Log = 16,

    /// <summary>The page was not used since it arrived: the next access is noted.</summary>
    Unused = 32,
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
    private readonly SparseMemory _contents;
    private readonly TrapTable _traps;

    public GuestPages(int pageCount, IEnumerable<PageRange> populated)
    {
        _contents = new SparseMemory(pageCount);
        _traps = new TrapTable(pageCount);
        Populated = new PageBitmap(pageCount);
        foreach (PageRange range in populated)
        {
            Populated.SetRange(range.First, range.Count);
            _traps.SetRange(range.First, range.Count, PageTraps.None);
        }
    }

    public int PageCount => _traps.PageCount;

    /// <summary>Which pages exist; never changes.</summary>
    public PageBitmap Populated { get; }

    /// <summary>How many pages are not zeros that nobody has written to.</summary>
    public int OwnPages => _contents.OwnPages;

    /// <summary>Handles trapped accesses; null where no trap is ever set.</summary>
    public ITrapHandler? Handler { get; set; }

    /// <summary>A page's bytes, past all traps: the hypervisor's own access.</summary>
    public ReadOnlySpan<byte> this[int pfn] => _contents.Read(pfn);

    /// <summary>A page's bytes to be written, past all traps: the hypervisor's own access.</summary>
    public Span<byte> Writable(int pfn) => _contents.Write(pfn);

    /// <summary>Replaces a page's content, past all traps: the hypervisor's own access.</summary>
    public void Put(int pfn, ReadOnlySpan<byte> content) => _contents.Write(pfn, content);

    public PageTraps TrapsOf(int pfn) => _traps[pfn];

    /// <summary>Sets traps. The vCPUs must be outside of guest code.</summary>
    public void Trap(int pfn, PageTraps traps) => _traps.Set(pfn, _traps[pfn] | traps);

    /// <summary>Sets traps of all pages. The vCPUs must be outside of guest code.</summary>
    public void TrapAll(PageTraps traps) => _traps.ChangeAll(traps, PageTraps.None);

    /// <summary>Clears traps, under the domain's lock.</summary>
    public void Untrap(int pfn, PageTraps traps) => _traps.Set(pfn, _traps[pfn] & ~traps);

    /// <summary>Sets other traps of a page that no vCPU can have got past, under the domain's lock.</summary>
    public void Exchange(int pfn, PageTraps removed, PageTraps added) => _traps.Set(pfn, (_traps[pfn] & ~removed) | added);

    /// <summary>Clears traps of all pages. The vCPUs must be outside of guest code.</summary>
    public void UntrapAll(PageTraps traps) => _traps.ChangeAll(PageTraps.None, traps);

    /// <summary>What was trapped page by page is one entry again where it is all alike. Under the domain's lock; the vCPUs may run.</summary>
    public void JoinTraps() => _traps.Join();

    /// <summary>The guest's access to a page: passes the traps first.</summary>
    /// <param name="vcpu">Whose access.</param>
    /// <param name="frame">The page's number, as the guest's tables say.</param>
    /// <param name="isWrite">Whether the page may be written: where not, it may be one that many share.</param>
    /// <param name="page">The page's bytes.</param>
    /// <returns>False if there is no such page.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAccess(int vcpu, ulong frame, bool isWrite, out Span<byte> page)
    {
        if (frame >= (ulong)_traps.PageCount)
        {
            page = default;
            return false;
        }

        int pfn = (int)frame;
        PageTraps relevant = isWrite ? (PageTraps)byte.MaxValue : ~(PageTraps.Write | PageTraps.Log);
        if ((TrapsOf(pfn) & relevant) != 0 && !(Handler is not null && Handler.Handle(vcpu, pfn, isWrite)))
        {
            page = default;
            return false;
        }

        page = _contents.Access(pfn, isWrite);
        return true;
    }
}

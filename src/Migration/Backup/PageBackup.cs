using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Backup;

/// <summary>
/// The original contents of the pages that changed (or might) since the checkpoint. The store grows step by step; the
/// record table keeps a page from being backed up twice.
/// </summary>
/// <remarks>
/// One writer a page (the record table decides which), any number of readers: a page is readable as soon as
/// <see cref="Contains"/> says so. The store never moves what it holds.
/// </remarks>
public sealed class PageBackup : IDisposable
{
    /// <summary>Pages by which the store grows: 1 MiB.</summary>
    public const int StepPages = 256;

    private const int BlockShift = 9;
    private const int BlockPages = 1 << BlockShift;
    private readonly PageBitmap _claimed;
    private readonly PageBitmap _backed;
    private readonly int[]?[] _slots;
    private readonly BackupStep?[] _steps;
    private readonly PageHash[]?[]? _hashes;
    private readonly BackupFiles? _files;
    private Guid? _kept;
    private readonly Lock _growing = new();
    private int _used;
    private Action? _catchUp;

    /// <summary>Makes an empty store.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="limitPages">How many pages the store may hold at most; null for as many as the guest has.</param>
    /// <param name="hashes">Whether each original is hashed as it comes, so that it can be told later whether it is still the same.</param>
    public PageBackup(int pageCount, int? limitPages = null, bool hashes = false)
        : this(pageCount, limitPages, hashes, null)
    {
    }

    private PageBackup(int pageCount, int? limitPages, bool hashes, BackupFiles? files)
    {
        (_files, _kept) = (files, files?.Id);
        LimitPages = Math.Min(limitPages ?? pageCount, pageCount);
        ArgumentOutOfRangeException.ThrowIfNegative(LimitPages, nameof(limitPages));
        _claimed = new PageBitmap(pageCount);
        _backed = new PageBitmap(pageCount);
        _slots = new int[(pageCount + BlockPages - 1L) / BlockPages][];
        _steps = new BackupStep[(LimitPages + StepPages - 1) / StepPages];
        _hashes = hashes ? new PageHash[_steps.Length][] : null;
    }

    /// <summary>Makes an empty store that outlives this process where there is room for it in the runtime folder; see <see cref="Keep"/>.</summary>
    /// <param name="pageCount">The guest's page count.</param>
    /// <param name="limitPages">How many pages the store may hold at most; null for as many as the guest has.</param>
    /// <param name="hashes">Whether each original is hashed as it comes.</param>
    /// <param name="endsWithProcess">Whether the guest ends with this process: its files are then nobody's, and the next recording takes them away.</param>
    internal static PageBackup Outliving(int pageCount, int? limitPages, bool hashes = false, bool endsWithProcess = false) =>
        new(pageCount, limitPages, hashes, BackupFiles.TryMake(pageCount, endsWithProcess: endsWithProcess));

    /// <summary>Opens a store that another process kept and left. It takes no more originals.</summary>
    /// <param name="id">What <see cref="Keep"/> said.</param>
    /// <param name="pageCount">The guest's page count.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it is not there, or not whole.</exception>
    internal static PageBackup Reopen(Guid id, int pageCount)
    {
        PageBackup backups = new(pageCount) { _kept = id };
        IReadOnlyList<FileStep> steps = BackupFiles.Open(id, pageCount, out int count);
        for (int slot = 0; slot < Math.Min(steps.Count, backups._steps.Length) * StepPages; slot++)
        {
            FileStep step = steps[slot / StepPages];
            backups._steps[slot / StepPages] = step;
            if (step.NumberOf(slot % StepPages) is { } pfn && pfn < pageCount && backups._claimed.TrySet(pfn))
            {
                backups.SlotOf(pfn) = slot;
                backups._backed.TrySet(pfn);
            }
        }

        backups._used = backups.LimitPages;
        if (backups.Count == count)
        {
            return backups;
        }

        backups.Dispose();
        throw BackupFiles.Missing($"there are {backups.Count} of {count}.");
    }

    /// <summary>The guest's page count.</summary>
    public int PageCount => _backed.PageCount;

    /// <summary>How many pages are backed up.</summary>
    public int Count => _backed.Count;

    /// <summary>How many pages the store may hold.</summary>
    public int LimitPages { get; }

    /// <summary>Bytes that the store holds now.</summary>
    public long AllocatedBytes => UsedSteps.Count(step => step is not null) * (long)StepPages * Page.Size;

    /// <summary>Whether a page is backed up.</summary>
    public bool Contains(int pfn) => _backed[pfn];

    /// <summary>The pfns of the pages backed up, ascending.</summary>
    public IEnumerable<int> Pfns() => _backed.Pfns();

    /// <summary>
    /// Says that originals are kept elsewhere first (in the hypervisor); from then on <see cref="CatchUp"/> takes them over from there.
    /// </summary>
    /// <param name="catchUp">Adds every original that is kept by now; null when no more will come.</param>
    internal void Follow(Action? catchUp) => Volatile.Write(ref _catchUp, catchUp);

    /// <summary>Takes over the originals that are kept elsewhere by now: afterwards every page written so far is here.</summary>
    /// <exception cref="MigrationException">An original was lost.</exception>
    internal void CatchUp() => Volatile.Read(ref _catchUp)?.Invoke();

    /// <summary>Backs a page up, unless it is already.</summary>
    /// <param name="pfn">The page.</param>
    /// <param name="content">Its original content.</param>
    /// <returns>True if this call stored it; false if another has, or is about to.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.BackupStoreFull"/>; the page is not backed up, and
    /// its writer must be held.</exception>
    public bool TryAdd(int pfn, ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(content.Length, Page.Size, nameof(content));
        if (!_claimed.TrySet(pfn))
        {
            return false;
        }

        int slot = Interlocked.Increment(ref _used) - 1;
        if (slot >= LimitPages)
        {
            Interlocked.Decrement(ref _used);
            _claimed.TryClear(pfn);
            throw new MigrationException(
                MigrationErrorId.BackupStoreFull,
                $"The backup store is full: page {pfn} would be number {LimitPages + 1L} of {LimitPages}.",
                "Use a shorter window, or allow a larger backup store.");
        }

        BackupStep step = Step(slot / StepPages);
        if (_hashes is not null)
        {
            _hashes[slot / StepPages]![slot % StepPages] = PageHash.Of(content);
        }

        step.Write(slot % StepPages, pfn, content);
        Volatile.Write(ref SlotOf(pfn), slot);
        _backed.TrySet(pfn);
        return true;
    }

    /// <summary>Copies a page's original content out.</summary>
    /// <param name="pfn">The page.</param>
    /// <param name="content">Receives <see cref="Page.Size"/> bytes.</param>
    /// <returns>False if the page is not backed up.</returns>
    public bool TryRead(int pfn, Span<byte> content)
    {
        if (!_backed[pfn])
        {
            return false;
        }

        int slot = Volatile.Read(ref SlotOf(pfn));
        _steps[slot / StepPages]!.Read(slot % StepPages, content);
        return true;
    }

    /// <summary>The hash of a page's original as it came, by which its content can be checked; null where none was taken.</summary>
    /// <param name="pfn">A page that is backed up.</param>
    internal PageHash? HashOf(int pfn)
    {
        int slot = Volatile.Read(ref SlotOf(pfn));
        return _hashes?[slot / StepPages]?[slot % StepPages];
    }

    /// <summary>Keeps what is here for another process: the domain is about to leave, and takes no more.</summary>
    /// <param name="subject">The domain's name.</param>
    /// <returns>By what <see cref="Reopen"/> finds it.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.BackupStoreFull"/>: a part of it is in this process' memory alone, and
    /// would be lost with it, and the domain's memory at the checkpoint with that.</exception>
    internal Guid Keep(string subject) =>
        _files is not null && _kept is { } kept && UsedSteps.All(step => step is not MemoryStep) && _files.TryKeep(Count)
            ? kept
            : throw new MigrationException(
                MigrationErrorId.BackupStoreFull,
                $"The originals of {Count} pages that {subject} changed in its window have no room in {RuntimeFolder.Find()}, where they would outlive this process: it is not moved.",
                $"Make room there, name a larger folder in memory by {RuntimeFolder.VariableName}, give a shorter window, or record with -Mode Observe.",
                subject);

    /// <summary>Takes the files away, where it has any: nobody needs the originals any more.</summary>
    internal void Discard()
    {
        if (_kept is { } kept)
        {
            BackupFiles.Delete(kept);
        }

        Dispose();
    }

    /// <summary>Lets go of its memory; files stay.</summary>
    public void Dispose()
    {
        foreach (BackupStep? step in UsedSteps)
        {
            step?.Dispose();
        }

        _files?.Dispose();
    }

    /// <summary>The steps that may be there: the store is not gone through as far as it could grow.</summary>
    private IEnumerable<BackupStep?> UsedSteps =>
        _steps.Take((Math.Min(Volatile.Read(ref _used), LimitPages) + StepPages - 1) / StepPages);

    private ref int SlotOf(int pfn)
    {
        ref int[]? block = ref _slots[pfn >> BlockShift];
        int[]? slots = Volatile.Read(ref block);
        if (slots is null)
        {
            int[] fresh = new int[BlockPages];
            slots = Interlocked.CompareExchange(ref block, fresh, null) ?? fresh;
        }

        return ref slots[pfn & (BlockPages - 1)];
    }

    private BackupStep Step(int index)
    {
        BackupStep? step = Volatile.Read(ref _steps[index]);
        if (step is not null)
        {
            return step;
        }

        lock (_growing)
        {
            if (_hashes is not null)
            {
                _hashes[index] ??= new PageHash[StepPages];
            }

            return _steps[index] ??= _files?.TryMakeStep(index) ?? new MemoryStep();
        }
    }
}

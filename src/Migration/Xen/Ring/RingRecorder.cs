using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Xen.Ring;

/// <summary>
/// Records first touches by trapping every page that can be trapped, and backs pages up at their first touch: Xen's paging
/// interface tells neither reads from writes nor waits for the write, so a page is kept when it is touched at all.
/// </summary>
internal sealed class RingRecorder : IAccessRecorder, ITouchObserver
{
    private readonly PageTraps _traps;
    private readonly IGuestMemory _memory;
    private readonly PageBackup? _backups;
    private readonly string _subject;
    private readonly Action<RingRecorder> _onDisposed;
    private readonly Lock _gate = new();
    private readonly Queue<AccessRecord> _records = new();
    private readonly PageBitmap _refusedOnce;
    private readonly byte[] _buffer = new byte[8 * Page.Size];
    private List<int> _touched = [];
    private MigrationException? _lost;
    private int _sequence;
    private int _epoch;
    private bool _isDisposed;

    private RingRecorder(
        PageTraps traps, IGuestMemory memory, PageBackup? backups, string subject, Action<RingRecorder> onDisposed)
    {
        _traps = traps;
        _memory = memory;
        _backups = backups;
        _subject = subject;
        _onDisposed = onDisposed;
        _refusedOnce = new PageBitmap(memory.PageCount);
        UntrackedPages = new PageBitmap(memory.PageCount);
    }

    /// <inheritdoc/>
    public bool IsEpochOrdered => true;

    /// <inheritdoc/>
    public PageBitmap UntrackedPages { get; }

    /// <summary>Traps a domain's pages, and backs up at once what cannot be trapped.</summary>
    /// <param name="traps">The domain's traps.</param>
    /// <param name="memory">The domain's memory.</param>
    /// <param name="populated">Its pages.</param>
    /// <param name="backups">Where originals go; null to record only. Where it is not null the domain must be suspended.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    /// <param name="onDisposed">Called once, to end the traps.</param>
    internal static RingRecorder Start(
        PageTraps traps,
        IGuestMemory memory,
        PageBitmap populated,
        PageBackup? backups,
        string subject,
        Action<RingRecorder> onDisposed)
    {
        RingRecorder recorder = new(traps, memory, backups, subject, onDisposed);
        traps.Observe(recorder);
        // A page of a running domain may be busy for just a moment, so that only one that is refused twice counts as refused.
        List<int> refused = traps.Trap(traps.Trap(populated.Pfns()));
        recorder.KeepUntracked(refused);
        return recorder;
    }

    /// <inheritdoc/>
    public void BeginEpoch()
    {
        ThrowIfFailed();
        List<int> touched;
        lock (_gate)
        {
            _epoch++;
            (touched, _touched) = (_touched, []);
        }

        // The ring's thread marks a page before it answers; one answered just now is refused and tried again next time.
        List<int> refused = _traps.Trap(touched);
        lock (_gate)
        {
            foreach (int pfn in refused)
            {
                if (!_refusedOnce.TrySet(pfn))
                {
                    UntrackedPages.TrySet(pfn);
                }
            }

            _touched.AddRange(refused);
        }
    }

    /// <inheritdoc/>
    public int Drain(Span<AccessRecord> records)
    {
        ThrowIfFailed();
        lock (_gate)
        {
            int count = 0;
            while (count < records.Length && _records.TryDequeue(out AccessRecord record))
            {
                records[count++] = record;
            }

            return count;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _onDisposed(this);
        }
    }

    /// <inheritdoc/>
    public void OnTouched(ReadOnlySpan<int> pfns)
    {
        if (_backups is not null)
        {
            BackUp(pfns, _backups);
        }

        lock (_gate)
        {
            foreach (int pfn in pfns)
            {
                _records.Enqueue(new AccessRecord(_sequence++, _epoch, pfn, AccessKind.Read));
                _touched.Add(pfn);
            }
        }
    }

    /// <inheritdoc/>
    public void OnDropped(int pfn)
    {
        if (_backups is not null && !_backups.Contains(pfn))
        {
            _lost ??= new MigrationException(
                MigrationErrorId.DomainState,
                $"{_subject} gave page {pfn} back during the window: its content at the checkpoint is gone.",
                "Keep the domain's balloon still during a migration (xl mem-set), or use the mode Observe.",
                _subject);
        }
    }

    private void KeepUntracked(List<int> refused)
    {
        foreach (int pfn in refused)
        {
            UntrackedPages.TrySet(pfn);
        }

        if (_backups is null || refused.Count == 0)
        {
            return;
        }

        byte[] contents = new byte[refused.Count * Page.Size];
        _memory.Read([.. refused], contents);
        for (int i = 0; i < refused.Count; i++)
        {
            _backups.TryAdd(refused[i], Page.At(contents.AsSpan(), i));
        }
    }

    private void BackUp(ReadOnlySpan<int> pfns, PageBackup backups)
    {
        Span<int> fresh = stackalloc int[pfns.Length];
        int count = 0;
        foreach (int pfn in pfns)
        {
            if (!backups.Contains(pfn))
            {
                fresh[count++] = pfn;
            }
        }

        if (count > 0)
        {
            _memory.Read(fresh[..count], _buffer.AsSpan(0, count * Page.Size));
            for (int i = 0; i < count; i++)
            {
                backups.TryAdd(fresh[i], Page.At(_buffer.AsSpan(), i));
            }
        }
    }

    private void ThrowIfFailed()
    {
        if (_lost is not null)
        {
            throw _lost;
        }

        switch (_traps.Failure)
        {
            case null:
                return;
            case MigrationException known:
                throw new MigrationException(known.ErrorId, known.Message, known.Remedy, known.Target ?? _subject, known);
            case Exception unknown:
                throw new MigrationException(
                    MigrationErrorId.HypervisorCall,
                    $"{_subject}: the recording stopped: {unknown.Message}",
                    "Look at `xl dmesg`; the domain runs on when the recording is ended.",
                    _subject,
                    unknown);
        }
    }
}

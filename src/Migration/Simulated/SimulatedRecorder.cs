using PreRecordMigration.Backup;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Simulated;

/// <summary>Records a simulated domain's accesses. Members run under the domain's lock unless they say that any thread may call
/// them.</summary>
internal sealed class SimulatedRecorder : IAccessRecorder
{
    private readonly SimulatedDomain _domain;
    private readonly PageBitmap _touched;
    private readonly Queue<AccessRecord> _records = new();
    private int _sequence;
    private int _epoch;

    public SimulatedRecorder(SimulatedDomain domain, PageBackup? backups)
    {
        _domain = domain;
        Backups = backups;
        _touched = new PageBitmap(domain.Layout.PageCount);
        UntrackedPages = new PageBitmap(domain.Layout.PageCount);
        domain.MarkUntracked(UntrackedPages);
    }

    public bool IsEpochOrdered => true;

    public PageBitmap UntrackedPages { get; }

    public PageBackup? Backups { get; }

    public void Record(int pfn, AccessKind kind)
    {
        _touched.TrySet(pfn);
        _records.Enqueue(new AccessRecord(_sequence++, _epoch, pfn, kind));
    }

    /// <summary>Goes to the next epoch; returns the pages to be trapped again.</summary>
    public int[] NextEpoch()
    {
        int[] touched = [.. _touched.Pfns()];
        _touched.Clear();
        _epoch++;
        return touched;
    }

    /// <summary>From any thread.</summary>
    public void BeginEpoch()
    {
        _domain.Host.Faults.Enter(SimulatedCall.BeginEpoch);
        _domain.BeginEpoch(this);
    }

    /// <summary>From any thread.</summary>
    public int Drain(Span<AccessRecord> records)
    {
        AccessRecord[] taken = new AccessRecord[records.Length];
        int count = _domain.WithLock(() =>
        {
            int taking = Math.Min(taken.Length, _records.Count);
            for (int i = 0; i < taking; i++)
            {
                taken[i] = _records.Dequeue();
            }

            return taking;
        });
        taken.AsSpan(0, count).CopyTo(records);
        return count;
    }

    /// <summary>From any thread.</summary>
    public void Dispose() => _domain.StopRecording(this);
}

/// <summary>Tracks a simulated domain's written pages.</summary>
internal sealed class SimulatedDirtyTracker(SimulatedDomain domain) : IDirtyTracker
{
    private readonly PageBitmap _written = new(domain.Layout.PageCount);

    /// <summary>Under the domain's lock.</summary>
    public void MarkDirty(int pfn) => _written.TrySet(pfn);

    public void Collect(PageBitmap dirty)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(dirty.PageCount, domain.Layout.PageCount, nameof(dirty));
        domain.Host.Faults.Enter(SimulatedCall.Collect);
        domain.CollectDirty(_written, dirty);
    }

    public void Dispose() => domain.StopDirtyTracking(this);
}

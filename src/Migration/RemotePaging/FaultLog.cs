using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;
using PreRecordMigration.Telemetry;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>Counts the remote faults of an incoming domain and how long each waited. Safe for several threads.</summary>
/// <param name="time">The clock of the faults' timestamps.</param>
public sealed class FaultLog(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, List<(long Start, int Vcpu)>> _waiting = [];
    private readonly List<long> _waits = [];
    private readonly bool _isRehearsal = MigrationSpans.IsHidden;
    private readonly FaultTally _tally = new(time);
    private long _faults;

    /// <summary>Faults so far, those that still wait included.</summary>
    public long Count => Interlocked.Read(ref _faults);

    /// <summary>Faults that wait now.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Values.Sum(faults => faults.Count);
            }
        }
    }

    /// <summary>The pages that faults wait for now, ascending.</summary>
    public int[] WaitingPages
    {
        get
        {
            lock (_lock)
            {
                return [.. _waiting.Keys.Order()];
            }
        }
    }

    /// <summary>The domain runs: times of faults are counted from here on.</summary>
    public void DomainRuns()
    {
        lock (_lock)
        {
            _tally.BeginAt(time.GetTimestamp());
        }
    }

    /// <summary>Notes that a fault has begun to wait.</summary>
    public void Began(PageFault fault)
    {
        Interlocked.Increment(ref _faults);
        lock (_lock)
        {
            if (!_waiting.TryGetValue(fault.Pfn, out List<(long, int)>? starts))
            {
                _waiting[fault.Pfn] = starts = [];
            }

            starts.Add((fault.Timestamp, fault.Vcpu));
        }
    }

    /// <summary>Notes that pages have been placed: the faults that waited for them are over.</summary>
    public void Ended(ReadOnlySpan<int> pfns)
    {
        long now = time.GetTimestamp();
        List<long>? measured = MigrationMetrics.AreFaultsMeasured && !_isRehearsal ? [] : null;
        lock (_lock)
        {
            foreach (int pfn in pfns)
            {
                if (_waiting.Remove(pfn, out List<(long Start, int Vcpu)>? starts))
                {
                    foreach ((long start, int vcpu) in starts)
                    {
                        long waited = Math.Max(0, now - start);
                        _waits.Add(waited);
                        _tally.Add(vcpu, start, time.GetElapsedTime(0, waited));
                        measured?.Add(start);
                    }
                }
            }
        }

        // Not under the lock: who listens is code of others.
        foreach (long start in measured ?? [])
        {
            MigrationMetrics.NoteFault(time.GetElapsedTime(Math.Min(start, now), now));
        }
    }

    /// <summary>The waits that are over, by how long they were, whose and when.</summary>
    /// <param name="speed">How fast the domain was.</param>
    internal ObservationsRecord Observe(IReadOnlyList<ObservedSpeed> speed)
    {
        lock (_lock)
        {
            return _tally.Describe(speed);
        }
    }

    /// <summary>The distribution of the waits that are over.</summary>
    public FaultLatency Summarise()
    {
        long[] waits;
        lock (_lock)
        {
            waits = [.. _waits];
        }

        if (waits.Length == 0)
        {
            return FaultLatency.None;
        }

        Array.Sort(waits);
        long total = waits.Sum();
        return new FaultLatency(
            Span(total / waits.Length), At(0.5), At(0.99), Span(waits[^1]), Span(total));

        // This is the nearest rank: the smallest wait that at least the given share of all waits do not exceed.
        TimeSpan At(double share) => Span(waits[Math.Max(0, (int)Math.Ceiling(share * waits.Length) - 1)]);

        TimeSpan Span(long ticks) => time.GetElapsedTime(0, ticks);
    }
}

using System.Numerics;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// Counts faults whose wait is over by how long they waited, by vCPU and by when they began: a constant amount of work for each, and of memory for all. Not
/// safe for several threads.
/// </summary>
/// <param name="time">The clock of the faults' timestamps.</param>
internal sealed class FaultTally(TimeProvider time)
{
    /// <summary>The length of a stretch of time, until there are too many of them.</summary>
    internal static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(20);

    private const int MostIntervals = FaultDetails.MaximumIntervals;
    private readonly long[] _latencies = new long[Protocol.LatencyBuckets];
    private readonly (long Faults, TimeSpan Stalled)[] _intervals = new (long, TimeSpan)[MostIntervals];
    private (long Faults, TimeSpan Stalled)[] _vcpus = [];
    private (long Faults, TimeSpan Stalled) _others;
    private TimeSpan _length = ShortestInterval;
    private long _origin;
    private bool _hasOrigin;

    /// <summary>Times of faults are counted from here on; those before it begin with it.</summary>
    public void BeginAt(long timestamp) => (_origin, _hasOrigin) = (timestamp, true);

    /// <summary>Counts a fault whose wait is over.</summary>
    /// <param name="vcpu">Its vCPU, as the hypervisor says.</param>
    /// <param name="began">When it began.</param>
    /// <param name="waited">How long it waited.</param>
    public void Add(int vcpu, long began, TimeSpan waited)
    {
        _latencies[BucketOf(waited)]++;
        Count(ref StallOf(vcpu), waited);
        TimeSpan at = _hasOrigin ? time.GetElapsedTime(_origin, began) : TimeSpan.Zero;
        while (at.Ticks / _length.Ticks >= MostIntervals)
        {
            Halve();
        }

        Count(ref _intervals[Math.Max(0, at.Ticks / _length.Ticks)], waited);
    }

    /// <summary>What has been counted, as it travels.</summary>
    /// <param name="speed">How fast the domain was, from the same moment on.</param>
    public ObservationsRecord Describe(IReadOnlyList<ObservedSpeed> speed)
    {
        List<VcpuStall> stalls = [];
        for (int vcpu = 0; vcpu < _vcpus.Length; vcpu++)
        {
            if (_vcpus[vcpu].Faults > 0)
            {
                stalls.Add(new VcpuStall(vcpu, _vcpus[vcpu].Faults, _vcpus[vcpu].Stalled));
            }
        }

        if (_others.Faults > 0)
        {
            stalls.Add(new VcpuStall(-1, _others.Faults, _others.Stalled));
        }

        FaultInterval[] intervals =
        [
            .. _intervals
                .Select((interval, number) => new FaultInterval(number * _length, _length, interval.Faults, interval.Stalled))
                .Where(interval => interval.Faults > 0),
        ];
        int last = Array.FindLastIndex(_latencies, count => count > 0);
        return new ObservationsRecord(_latencies[..(last + 1)], stalls, _length, intervals, speed);
    }

    /// <summary>The bucket of a wait: bucket 0 has those of less than a microsecond, and bucket k those from 2^(k-1) microseconds up to its double.</summary>
    internal static int BucketOf(TimeSpan waited)
    {
        ulong microseconds = (ulong)Math.Max(0, waited.Ticks / TimeSpan.TicksPerMicrosecond);
        return microseconds == 0 ? 0 : Math.Min(BitOperations.Log2(microseconds) + 1, Protocol.LatencyBuckets - 1);
    }

    private ref (long Faults, TimeSpan Stalled) StallOf(int vcpu)
    {
        if (vcpu is < 0 or >= Protocol.MaximumVcpus)
        {
            return ref _others;
        }

        if (vcpu >= _vcpus.Length)
        {
            Array.Resize(ref _vcpus, Math.Min(Protocol.MaximumVcpus, Math.Max(vcpu + 1, 2 * _vcpus.Length)));
        }

        return ref _vcpus[vcpu];
    }

    private static void Count(ref (long Faults, TimeSpan Stalled) where, TimeSpan waited) =>
        where = (where.Faults + 1, where.Stalled + waited);

    /// <summary>Makes one stretch of two.</summary>
    private void Halve()
    {
        for (int i = 0; i < MostIntervals; i++)
        {
            int first = 2 * i;
            _intervals[i] = first < MostIntervals
                ? (_intervals[first].Faults + _intervals[first + 1].Faults, _intervals[first].Stalled + _intervals[first + 1].Stalled)
                : default;
        }

        _length *= 2;
    }
}

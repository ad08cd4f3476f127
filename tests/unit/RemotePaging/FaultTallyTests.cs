using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.RemotePaging;

public sealed class FaultTallyTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.9, 0)]
    [InlineData(1, 1)]
    [InlineData(1.9, 1)]
    [InlineData(2, 2)]
    [InlineData(3.9, 2)]
    [InlineData(4, 3)]
    [InlineData(1023, 10)]
    [InlineData(1024, 11)]
    [InlineData(1e12, 39)]
    public void A_wait_is_in_the_bucket_of_its_power_of_two(double microseconds, int bucket) =>
        Assert.Equal(bucket, FaultTally.BucketOf(TimeSpan.FromTicks((long)(microseconds * 10))));

    [Fact]
    public void Each_fault_is_counted_once_by_its_wait_its_vcpu_and_its_time()
    {
        FaultLog log = new(_time);
        log.Began(new PageFault(1, 0, _time.GetTimestamp()));
        log.DomainRuns();
        _time.Advance(TimeSpan.FromMilliseconds(3));
        log.Ended([1]);
        log.Began(new PageFault(2, 1, _time.GetTimestamp()));
        log.Began(new PageFault(2, -1, _time.GetTimestamp()));
        _time.Advance(TimeSpan.FromMilliseconds(50));
        log.Began(new PageFault(3, 1, _time.GetTimestamp()));
        log.Ended([2]);
        log.Began(new PageFault(4, 70_000, _time.GetTimestamp()));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        log.Ended([3, 4]);
        log.Began(new PageFault(5, 0, _time.GetTimestamp()));

        ObservationsRecord seen = log.Observe([]);
        Assert.Equal(5, seen.Latencies.Sum());
        Assert.Equal(FaultTally.BucketOf(TimeSpan.FromMilliseconds(50)) + 1, seen.Latencies.Count);
        Assert.Equal(
            [
                new VcpuStall(0, 1, TimeSpan.FromMilliseconds(3)), new VcpuStall(1, 2, TimeSpan.FromMilliseconds(51)),
                new VcpuStall(-1, 2, TimeSpan.FromMilliseconds(51)),
            ],
            seen.Vcpus);
        Assert.Equal(
            [
                new FaultInterval(TimeSpan.Zero, FaultTally.ShortestInterval, 3, TimeSpan.FromMilliseconds(103)),
                new FaultInterval(2 * FaultTally.ShortestInterval, FaultTally.ShortestInterval, 2, TimeSpan.FromMilliseconds(2)),
            ],
            seen.OverTime);
    }

    [Fact]
    public void Stretches_of_time_double_when_they_run_out_and_lose_nothing()
    {
        FaultLog log = new(_time);
        log.DomainRuns();
        for (int pfn = 0; pfn < 1000; pfn++)
        {
            log.Began(new PageFault(pfn, 0, _time.GetTimestamp()));
            _time.Advance(TimeSpan.FromMilliseconds(60));
            log.Ended([pfn]);
        }

        ObservationsRecord seen = log.Observe([]);
        Assert.Equal(16 * FaultTally.ShortestInterval, seen.IntervalLength);
        Assert.InRange(seen.OverTime.Count, 1, FaultDetails.MaximumIntervals);
        Assert.Equal(1000, seen.OverTime.Sum(interval => interval.Faults));
        Assert.Equal(TimeSpan.FromSeconds(60), TimeSpan.FromTicks(seen.OverTime.Sum(interval => interval.Stalled.Ticks)));
    }

    [Fact]
    public void However_long_it_takes_and_however_many_vcpus_there_are_what_travels_stays_small()
    {
        FaultLog log = new(_time);
        log.DomainRuns();
        for (int pfn = 0; pfn < 5000; pfn++)
        {
            log.Began(new PageFault(pfn, pfn, _time.GetTimestamp()));
            _time.Advance(TimeSpan.FromHours(2));
            log.Ended([pfn]);
        }

        byte[] record = RecordCodec.Encode(log.Observe([]));
        Assert.InRange(record.Length, 1, 64 << 10);
        ObservationsRecord read = Assert.IsType<ObservationsRecord>(RecordCodec.Decode(RecordType.Observations, record.AsSpan(Protocol.HeaderSize)));
        Assert.Equal(5000, read.Vcpus.Sum(stall => stall.Faults));
        Assert.Equal(-1, read.Vcpus[^1].Vcpu);
    }
}

using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.RemotePaging;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Tests.RemotePaging;

public sealed class FaultLogTests
{
    [Fact]
    public void The_distribution_is_that_of_the_waits()
    {
        FakeTimeProvider time = new();
        FaultLog log = new(time);
        for (int pfn = 1; pfn <= 100; pfn++)
        {
            log.Began(new PageFault(pfn, 0, time.GetTimestamp()));
        }

        Assert.Equal(100, log.WaitingCount);
        for (int pfn = 1; pfn <= 100; pfn++)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            log.Ended([pfn, pfn]);
        }

        FaultLatency latency = log.Summarise();
        Assert.Equal(100, log.Count);
        Assert.Equal(0, log.WaitingCount);
        Assert.Equal(TimeSpan.FromMilliseconds(50.5), latency.Mean);
        Assert.Equal(TimeSpan.FromMilliseconds(50), latency.Median);
        Assert.Equal(TimeSpan.FromMilliseconds(99), latency.P99);
        Assert.Equal(TimeSpan.FromMilliseconds(100), latency.Maximum);
        Assert.Equal(TimeSpan.FromMilliseconds(5050), latency.Total);
    }

    [Fact]
    public void Two_vcpus_that_wait_for_one_page_are_two_waits()
    {
        FakeTimeProvider time = new();
        FaultLog log = new(time);
        log.Began(new PageFault(5, 0, time.GetTimestamp()));
        log.Began(new PageFault(5, 1, time.GetTimestamp()));
        time.Advance(TimeSpan.FromTicks(10));
        log.Ended([5]);
        Assert.Equal(2, log.Count);
        Assert.Equal(TimeSpan.FromTicks(20), log.Summarise().Total);
        Assert.Equal(FaultLatency.None, new FaultLog(time).Summarise());
    }
}

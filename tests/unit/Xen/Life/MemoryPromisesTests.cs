using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Life;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>Free memory is promised once, to whoever was let in for it first.</summary>
public class MemoryPromisesTests
{
    private readonly Dictionary<int, long> _held = [];
    private readonly MemoryLedger _ledger = new();
    private long _free = 100;

    [Fact]
    public void Who_comes_at_the_same_time_gets_what_is_left()
    {
        MemoryPromises promises = Make();
        using (promises.Make(Needing(60)))
        {
            Assert.Equal(40, promises.Available);
            Assert.Equal(MigrationErrorId.OutOfMemory, Assert.Throws<MigrationException>(() => promises.Make(Needing(41))).ErrorId);
            using MemoryPromise fits = promises.Make(Needing(40));
            Assert.Equal(0, promises.Available);
        }

        Assert.Equal(100, promises.Available);
    }

    [Fact]
    public void What_a_domain_holds_already_counts_once()
    {
        MemoryPromises promises = Make();
        using MemoryPromise promise = promises.Make(Needing(60));
        promise.DomId = 7;
        foreach (long held in new long[] { 0, 20, 60 })
        {
            (_held[7], _free) = (held, 100 - held);
            Assert.Equal(40, promises.Available);
        }

        // The domain holds more than it was promised; the surplus counts neither as promised nor as free.
        (_held[7], _free) = (70, 30);
        Assert.Equal(30, promises.Available);

        // The domain has gone: what it held is free again, and stays promised until its end is known.
        _held.Clear();
        _free = 100;
        Assert.Equal(40, promises.Available);
    }

    [Fact]
    public void What_another_process_had_promised_stays_promised_though_nothing_is_free_for_it()
    {
        MemoryPromises promises = Make();
        (_held[7], _free) = (20, 30);
        using (promises.Renew(7, 60))
        {
            Assert.Equal(0, promises.Available);
            (_held[7], _free) = (60, 10);
            Assert.Equal(10, promises.Available);
        }
    }

    [Fact]
    public void One_that_is_not_let_in_is_promised_nothing()
    {
        MemoryPromises promises = Make();
        Assert.Throws<MigrationException>(() => promises.Make(Needing(101)));
        Assert.Equal(100, promises.Available);
    }

    [Fact]
    public void Whoever_opens_the_machine_once_more_sees_what_was_promised()
    {
        using (Make().Make(Needing(60)))
        {
            Assert.Equal(40, Make().Available);
            Assert.Throws<MigrationException>(() => Make().Make(Needing(41)));
        }

        Assert.Equal(100, Make().Available);
    }

    private static Func<long, long> Needing(long bytes) => available => bytes <= available
        ? bytes
        : throw new MigrationException(MigrationErrorId.OutOfMemory, "It needs more.", "None.");

    private MemoryPromises Make() => new(() => _free, domid => _held.GetValueOrDefault(domid), _ledger);
}

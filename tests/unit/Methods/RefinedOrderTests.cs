using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Methods;

/// <summary>An order that becomes a better one while it is followed, and the guest's page tables from which it is made.</summary>
public sealed class RefinedOrderTests
{
    [Fact]
    public void The_better_order_is_followed_and_steered_from_when_it_is_there()
    {
        using ManualResetEventSlim made = new();
        Scripted first = new(1);
        Scripted better = new(2);
        using RefinedOrder order = new(first, _ =>
        {
            made.Wait(TestContext.Current.CancellationToken);
            return better;
        });
        order.Steer(10);
        Assert.Equal((1, PushKind.Recorded), (order.Next(), order.Kind));
        made.Set();
        order.Wait();
        order.Steer(11);
        Assert.Equal((2, PushKind.Rest), (order.Next(), order.Kind));
        Assert.Equal([10], first.Faults);
        Assert.Equal([11], better.Faults);
    }

    [Fact]
    public void Given_up_it_waits_until_nothing_is_done_and_the_first_order_goes_on()
    {
        bool hasEnded = false;
        RefinedOrder order = new(new Scripted(1), token =>
        {
            token.WaitHandle.WaitOne();
            hasEnded = true;
            return null;
        });
        order.Dispose();
        Assert.True(hasEnded);
        Assert.Equal(1, order.Next());
    }

    [Theory]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe, 4)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback, 4)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe, 1)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe, 1)]
    public async Task The_tables_of_every_process_that_was_recorded_are_read(MigrationMethod method, RecordingMode mode, int most)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with
        {
            Workload = GuestWorkloadKind.ManyProcesses,
            VcpuCount = 1,
            ProcessCount = 4,
        });
        List<string> steps = [];
        await fixture.MigrateAsync(MigrationFixture.Move(method, mode) with { Trace = new Steps(steps) });
        await fixture.CheckMovedAsync();
        string read = Assert.Single(steps, step => step.StartsWith("page tables read", StringComparison.Ordinal));
        int spaces = int.Parse(read.Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(spaces, 1, most);
        Assert.True(method != MigrationMethod.PreRecord || spaces > 1, read);
    }

    [Fact]
    public async Task An_administrator_who_wants_ascending_numbers_gets_them()
    {
        await using MigrationFixture fixture = new();
        List<string> steps = [];
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { Order = [PageOrderStrategy.Sequential], Trace = new Steps(steps) });
        await fixture.CheckMovedAsync();
        Assert.DoesNotContain(steps, step => step.StartsWith("page tables read", StringComparison.Ordinal));
    }

    private sealed class Scripted(int pfn) : IPushOrder
    {
        public List<int> Faults { get; } = [];

        public PushKind Kind => pfn == 1 ? PushKind.Recorded : PushKind.Rest;

        public int Next() => pfn;

        public void Steer(int fault) => Faults.Add(fault);
    }

    private sealed class Steps(List<string> steps) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value)
        {
            lock (steps)
            {
                steps.Add(value.Name);
            }
        }
    }
}

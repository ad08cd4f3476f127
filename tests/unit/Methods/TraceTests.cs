using System.Collections.Concurrent;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What a migration tells of the protocol's steps.</summary>
public sealed class TraceTests
{
    [Fact]
    public async Task A_migration_tells_of_every_record_state_and_step_in_order()
    {
        await using MigrationFixture fixture = new();
        Steps steps = new();
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord) with { Trace = steps });
        string[] states = [.. steps.Of(MigrationTraceKind.State).Select(step => step.Name)];
        Assert.Equal(
            [
                "Greeting -> Preparing", "Preparing -> Open", "Open -> Open", "Open -> Committing", "Committing -> Committed",
                "Committed -> Running", "Running -> Draining", "Draining -> Releasing", "Releasing -> Finished",
            ],
            states);
        Assert.Equal("Hello", steps.Of(MigrationTraceKind.Sent).First().Name);
        string[] received = [.. steps.Of(MigrationTraceKind.Received).Where(step => step.Connection == "bulk").Select(step => step.Name)];
        Assert.Equal(["Welcome", "Prepared", "Restored", "Running", "HandoverTimes", "Complete", "Observations", "UsedPages", "Settled"], received);
        Assert.Equal(result.BytesSent, steps.Of(MigrationTraceKind.Sent).Sum(step => (long)step.Bytes));
        Assert.Contains(steps.Of(MigrationTraceKind.Step), step => step.Name.StartsWith("epoch 4 ended", StringComparison.Ordinal));
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task Nothing_of_a_domain_but_record_types_states_and_numbers_is_in_a_trace()
    {
        await using MigrationFixture fixture = new();
        Steps steps = new();
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { Trace = steps });
        foreach (MigrationTrace step in steps)
        {
            Assert.True(
                step.Kind switch
                {
                    MigrationTraceKind.Sent or MigrationTraceKind.Received => Enum.IsDefined(Enum.Parse<RecordType>(step.Name)),
                    _ => step.Name.All(c => char.IsAsciiLetterOrDigit(c) || " ,->".Contains(c, StringComparison.Ordinal)),
                },
                step.ToString());
        }
    }

    [Fact]
    public async Task A_receiver_tells_of_every_record_and_state_of_its_side()
    {
        await using MigrationFixture fixture = new();
        Steps steps = new();
        using IDisposable watching = fixture.Receiver.Watch((_, step) => steps.Report(step));
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
        Assert.All(steps, step => Assert.True(step.IsAtDestination));
        Assert.Equal(
            ["Creating", "Collecting", "Restoring", "Restored", "Starting", "Running", "Running", "Finishing", "Completed", "Naming", "Finished"],
            steps.Of(MigrationTraceKind.State).Select(step => step.Name.Split(' ')[^1]));
        Assert.Equal(
            ["Welcome", "Prepared", "Restored", "Running", "HandoverTimes", "Complete", "Observations", "UsedPages", "Settled"],
            steps.Of(MigrationTraceKind.Sent).Where(step => step.Connection == "bulk").Select(step => step.Name));
    }

    [Fact]
    public void A_step_reads_as_a_sentence()
    {
        Assert.Equal(
            "destination sent Prepared on bulk, 8 bytes",
            new MigrationTrace(MigrationTraceKind.Sent, "Prepared", "bulk", 8) { IsAtDestination = true }.ToString());
        Assert.Equal("sent Prepare on bulk, 1,830 bytes", new MigrationTrace(MigrationTraceKind.Sent, "Prepare", "bulk", 1830).ToString());
        Assert.Equal("state Open -> Committed", new MigrationTrace(MigrationTraceKind.State, "Open -> Committed", "", 0).ToString());
    }

    private sealed class Steps : ConcurrentQueue<MigrationTrace>, IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value) => Enqueue(value);

        public IEnumerable<MigrationTrace> Of(MigrationTraceKind kind) => this.Where(step => step.Kind == kind);
    }
}

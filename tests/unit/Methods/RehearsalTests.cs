using PreRecordMigration.Options;
using PreRecordMigration.Rehearsals;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A rehearsal touches nothing, and what becomes of it changes no move.</summary>
public sealed class RehearsalTests
{
    [Theory]
    [InlineData(MigrationMethod.PreCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public async Task Each_method_is_rehearsed_once(MigrationMethod method, RecordingMode mode)
    {
        Task<Exception?> rehearsal = Rehearsal.Begin(method, mode);
        Assert.Null(await rehearsal);
        Assert.Same(rehearsal, Rehearsal.Begin(method, mode));
    }

    [Fact]
    public async Task What_fails_of_a_rehearsal_is_its_result()
    {
        InvalidOperationException failure = new("It was made to fail.");
        Assert.Same(failure, await Rehearsal.Start(() => throw failure));
        Assert.Null(await Rehearsal.Start(() => { }));
    }

    /// <summary>Before its rehearsal has ended the domain is not touched.</summary>
    [Fact]
    public async Task A_move_waits_for_its_rehearsal_while_the_domain_runs()
    {
        await using MigrationFixture fixture = new();
        TaskCompletionSource<Exception?> rehearsal = new();
        bool? wasRehearsed = null;
        fixture.Source.Faults.Before(SimulatedCall.Suspend, 1, () => wasRehearsed = rehearsal.Task.IsCompleted);
        Steps steps = new()
        {
            Told = name =>
            {
                if (name == "Preparing -> Open")
                {
                    rehearsal.SetResult(null);
                }
            },
        };
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { Rehearsed = rehearsal.Task, Trace = steps });
        await fixture.CheckMovedAsync();
        Assert.True(wasRehearsed);
        Assert.Contains("the handover has been rehearsed", steps.Names);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_rehearsal_that_fails_is_told_and_the_move_goes_on(bool throws)
    {
        await using MigrationFixture fixture = new();
        InvalidOperationException failure = new("It was made to fail.");
        Warnings warnings = new();
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with
        {
            Rehearsed = throws ? Task.FromException<Exception?>(failure) : Task.FromResult<Exception?>(failure),
            Warnings = warnings,
        });
        await fixture.CheckMovedAsync();
        Assert.Contains("could not be rehearsed", Assert.Single(warnings.Told).Message, StringComparison.Ordinal);
        Assert.Contains("It was made to fail.", warnings.Told[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_move_that_is_given_up_while_it_is_rehearsed_leaves_the_domain_running()
    {
        await using MigrationFixture fixture = new();
        using CancellationTokenSource cancellation = new();
        Steps steps = new()
        {
            // The destination has made its domain, and only the rehearsal is waited for.
            Told = name =>
            {
                if (name == "Preparing -> Open")
                {
                    cancellation.Cancel();
                }
            },
        };
        TaskCompletionSource<Exception?> never = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fixture.MigrateUntilAsync(
            MigrationFixture.Move(MigrationMethod.PostCopy) with { Rehearsed = never.Task, Trace = steps }, cancellation.Token));
        await fixture.CheckStayedAsync();
    }

    private sealed class Steps : IProgress<MigrationTrace>
    {
        private readonly List<string> _names = [];

        public Action<string>? Told { get; init; }

        public IReadOnlyList<string> Names
        {
            get
            {
                lock (_names)
                {
                    return [.. _names];
                }
            }
        }

        public void Report(MigrationTrace value)
        {
            lock (_names)
            {
                _names.Add(value.Name);
            }

            Told?.Invoke(value.Name);
        }
    }

    private sealed class Warnings : IProgress<MigrationWarning>
    {
        public List<MigrationWarning> Told { get; } = [];

        public void Report(MigrationWarning value) => Told.Add(value);
    }
}

using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What a downtime went into is all of it, whatever a peer says; and every page that was sent has one reason.</summary>
public sealed class DowntimePartsTests
{
    private static readonly TimeSpan s_millisecond = TimeSpan.FromMilliseconds(1);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Parts_are_named_and_what_nobody_explains_was_on_the_way()
    {
        DowntimeParts parts = Measure().Describe(new HandoverTimesRecord(4 * s_millisecond, 8 * s_millisecond, 3 * s_millisecond));
        Assert.Equal(
            "Ask 0.002 s; Suspend 0.003 s; Prove 0.007 s; Capture 0.011 s; Send 0.013 s; Commit 0.022 s; Restore 0.004 s; Toolstack 0.008 s; Resume 0.003 s; OnTheWay 0.027 s",
            parts.ToString());
        Assert.Equal(100 * s_millisecond, parts.Total);
    }

    [Fact]
    public void A_destination_that_says_nothing_leaves_what_was_waited_for_unexplained()
    {
        DowntimeParts parts = Measure().Describe(null);
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, 42 * s_millisecond), (parts.Restore, parts.Toolstack, parts.Resume, parts.OnTheWay));
        Assert.Equal(100 * s_millisecond, parts.Total);
    }

    [Theory]
    [InlineData(long.MaxValue, long.MaxValue, long.MaxValue)]
    [InlineData(long.MaxValue, 1, 0)]
    [InlineData(-1, long.MinValue, -5)]
    public void Whatever_a_destination_says_no_part_is_below_zero_and_all_are_the_downtime(long restore, long toolstack, long resume)
    {
        DowntimeParts parts = Measure().Describe(new HandoverTimesRecord(new TimeSpan(restore), new TimeSpan(toolstack), new TimeSpan(resume)));
        Assert.All(parts.All, part => Assert.InRange(part.Time, TimeSpan.Zero, 100 * s_millisecond));
        Assert.Equal(100 * s_millisecond, parts.Total);
    }

    [Theory]
    [InlineData(-7)]
    [InlineData(50)]
    public void A_hypervisor_that_says_nonsense_of_the_request_explains_at_most_the_stop(int milliseconds)
    {
        DowntimeClock clock = new(_time);
        clock.Begin();
        _time.Advance(5 * s_millisecond);
        clock.EndStop(milliseconds * s_millisecond);
        DowntimeParts parts = clock.Describe(null);
        Assert.InRange(parts.Ask, TimeSpan.Zero, 5 * s_millisecond);
        Assert.Equal(5 * s_millisecond, parts.Ask + parts.Suspend);
    }

    [Fact]
    public void What_was_before_the_stop_does_not_count()
    {
        DowntimeClock clock = new(_time);
        _time.Advance(TimeSpan.FromHours(1));
        clock.Begin();
        Assert.Equal(TimeSpan.Zero, clock.Total);
    }

    [Theory]
    [InlineData(MigrationMethod.PreCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public async Task Each_method_says_what_its_downtime_and_its_pages_were(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        int pages = fixture.Domain.PopulatedPages.Count;
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        await fixture.CheckMovedAsync();

        Assert.Equal(result.Downtime, result.DowntimeParts.Total);
        Assert.All(result.DowntimeParts.All, part => Assert.InRange(part.Time, TimeSpan.Zero, result.Downtime));
        Assert.True(result.DowntimeParts.Resume > TimeSpan.Zero);

        // A rollback's checkpoint is captured, sent and restored while the domain still runs.
        bool isEarly = mode == RecordingMode.Rollback;
        Assert.Equal(!isEarly, result.DowntimeParts.Capture > TimeSpan.Zero);
        Assert.Equal(isEarly, result.DowntimeParts.Prove > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, result.DowntimeParts.Toolstack);

        SentPages sent = result.Pages;
        Assert.Equal((result.CorePages, result.PagesPushed, result.PagesDemanded), ((int)sent.Core, sent.Pushed, sent.Demanded));
        Assert.Equal(result.PagesBeforeCommit, sent.Early + sent.Again);
        Assert.InRange(sent.Core + sent.Early + sent.Recorded + sent.Predicted + sent.Rest + sent.Demanded, pages, long.MaxValue);
        Assert.InRange(sent.Zero, 0, sent.Core + sent.Pushed + sent.Demanded);
        if (method is MigrationMethod.PreRecord)
        {
            Assert.InRange(sent.Recorded, 1, pages);
        }

        Assert.Equal(method is MigrationMethod.PreCopy or MigrationMethod.Hybrid, sent.Early > 0);
    }

    [Fact]
    public async Task An_older_destination_is_understood_and_a_lying_one_explains_at_most_the_wait()
    {
        foreach (HandoverTimesRecord? said in (HandoverTimesRecord?[])[null, new(TimeSpan.MaxValue, TimeSpan.MaxValue, TimeSpan.MaxValue)])
        {
            await using MigrationFixture fixture = new();
            using ScriptedDestination destination = new() { Times = said };
            MigrationResult result = await MigrationSource.MigrateAsync(
                fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(destination.Endpoint), MigrationFixture.Move(MigrationMethod.PostCopy), null,
                TestContext.Current.CancellationToken);
            await destination.Received;
            Assert.Equal(result.Downtime, result.DowntimeParts.Total);
            Assert.Equal(said is null, result.DowntimeParts.OnTheWay > TimeSpan.Zero);
            Assert.Equal(said is not null, result.DowntimeParts.Toolstack > TimeSpan.Zero);
        }
    }

    [Fact]
    public void An_older_source_passes_over_what_a_destination_says_of_its_parts()
    {
        byte[] record = RecordCodec.Encode(new HandoverTimesRecord(s_millisecond, s_millisecond, s_millisecond));
        Assert.Equal(Protocol.OptionalFlag, BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(2)));
        Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(RecordCodec.Encode(new RunningRecord()).AsSpan(2)));
    }

    [Fact]
    public void Nothing_is_said_of_a_handover_before_the_domain_runs()
    {
        SourceSession session = new(new PrepareRecord(
            new DomainDescription("d", DomainKind.Simulated, 1, [], 1, ReadOnlyMemory<byte>.Empty), PageArrival.AfterRun));
        session.On(new SourceEvent.Received(new WelcomeRecord(Protocol.Version, Protocol.Capabilities)));
        session.On(new SourceEvent.Received(new PreparedRecord()));
        session.On(new SourceEvent.Received(new HandoverTimesRecord(s_millisecond, s_millisecond, s_millisecond)));
        Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.IsType<SourceState.Aborted>(session.State).Error.ErrorId);
    }

    /// <summary>Parts of prime numbers of milliseconds: 5 for the stop, 7, 11, 13, 19 and 3 for the commit, 23 and 19 of waits; 100 in all.</summary>
    private DowntimeClock Measure()
    {
        DowntimeClock clock = new(_time);
        clock.Begin();
        _time.Advance(5 * s_millisecond);
        clock.EndStop(2 * s_millisecond);
        Pass(clock, DowntimeClock.Part.Prove, 7);
        Pass(clock, DowntimeClock.Part.Capture, 11);
        Pass(clock, DowntimeClock.Part.Send, 13);
        Pass(clock, DowntimeClock.Part.Commit, 19);
        _time.Advance(26 * s_millisecond);
        clock.EndCommit(3 * s_millisecond);
        Pass(clock, DowntimeClock.Part.AwaitRunning, 19);
        return clock;
    }

    private void Pass(DowntimeClock clock, DowntimeClock.Part part, int milliseconds)
    {
        _time.Advance(milliseconds * s_millisecond);
        clock.End(part);
    }
}

using System.Net;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Faults that once let a domain run twice, lost it or held it for ever, each with a test that names it.</summary>
public sealed class CustodyTests
{
    /// <summary>More failures than anything tries.</summary>
    private const int ForGood = 20;

    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    public static TheoryData<MigrationMethod, RecordingMode> Methods =>
    [
        (MigrationMethod.PreCopy, RecordingMode.Observe),
        (MigrationMethod.PostCopy, RecordingMode.Observe),
        (MigrationMethod.PreRecord, RecordingMode.Observe),
        (MigrationMethod.PreRecord, RecordingMode.Rollback),
    ];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_source_that_cannot_be_destroyed_at_the_good_end_never_runs_again(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        Fail(fixture.Source, SimulatedCall.DestroySource, ForGood);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.Contains("never runs here again", Assert.Single(result.Problems).Remedy, StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_source_that_is_destroyed_at_the_second_try_or_reports_a_failure_of_it_is_gone(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.FailAfter(SimulatedCall.DestroySource);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        Assert.Empty(result.Problems);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public void What_is_the_memory_of_a_domain_that_runs_elsewhere_is_woken_by_no_word()
    {
        using SimulatedHost host = new("xen1");
        SimulatedDomain domain = host.CreateDomain(MigrationFixture.Options());
        using SourceCustody custody = new(host.OpenSource(MigrationFixture.DomainName));
        custody.Pause();
        custody.Leave();
        custody.NoteThatItRan();

        MigrationException refusal = Assert.Throws<MigrationException>(() => custody.Return(NeverRanThere()));

        Assert.Equal(MigrationErrorId.ProtocolViolation, refusal.ErrorId);
        Assert.Equal(SourceHolding.Leaving, custody.Holding);
        Assert.NotEqual(DomainState.Running, domain.State);
        custody.Destroy(GivenUp.ByTheAdministrator);
    }

    [Fact]
    public async Task A_start_that_took_effect_and_reported_an_error_is_never_said_not_to_have_been()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.FailAfter(SimulatedCall.Unpause);
        Fail(fixture.Destination, SimulatedCall.DestroyIncoming, ForGood);
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.Equal(DomainState.Suspended, fixture.Domain.State);
        Assert.Equal(DomainState.Paused, Assert.Single(fixture.Destination.GetDomains()).State);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_copy_that_never_ran_and_cannot_be_destroyed_is_not_said_to_be_gone_before_it_is()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Unpause);
        Fail(fixture.Destination, SimulatedCall.DestroyIncoming, 3);
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.IsType<DestinationState.Unproved>(incoming.State);
        Assert.Equal(DomainState.Suspended, fixture.Domain.State);

        // The source that comes back has the destruction tried again, and its domain runs on only after that.
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        Assert.Empty(fixture.Destination.GetDomains());
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task A_channel_that_cannot_be_closed_after_the_commit_keeps_nobody_from_looking_after_the_domain()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Source.Faults.Fail(SimulatedCall.Read));
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => MigrationSource.MigrateAsync(
                fixture.Source.OpenSource(MigrationFixture.DomainName),
                new ThrowingRoute(fixture.Route),
                MigrationFixture.Move(MigrationMethod.PostCopy) with { BandwidthLimit = 4 << 20 },
                null,
                s_cancel));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.Equal(DomainState.Suspended, fixture.Domain.State);
        Assert.Equal(DomainState.Paused, Assert.Single(fixture.Destination.GetDomains()).State);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Whatever_throws_while_a_migration_is_given_up_the_domain_runs_on_and_is_free(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(SimulatedCall.CaptureCoreState);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(method, mode) with { Trace = new ThrowingTrace("-> Aborted") }));

        // What went wrong first is told first, and what failed afterwards with it.
        Assert.Matches($"{nameof(SimulatedCall.CaptureCoreState)}.*Nobody listens", error.Message);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_domain_that_is_not_woken_at_once_is_woken_and_the_first_error_is_told()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore);
        fixture.Source.Faults.Fail(SimulatedCall.Resume);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Contains(nameof(SimulatedCall.Restore), error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_domain_that_cannot_be_woken_is_woken_by_whoever_opens_it_next_and_both_errors_are_told()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore);
        Fail(fixture.Source, SimulatedCall.Resume, ForGood);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Contains(nameof(SimulatedCall.Restore), error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(SimulatedCall.Resume), error.Message, StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        fixture.Source.OpenSource(MigrationFixture.DomainName).Dispose();
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task Of_two_resumptions_at_once_while_a_hypercall_is_slow_one_goes_on_and_the_other_is_refused()
    {
        await using MigrationFixture fixture = new();
        using ManualResetEventSlim isSlow = new();
        using ManualResetEventSlim goOn = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () =>
        {
            isSlow.Set();
            goOn.Wait(s_cancel);
        });
        Task<MigrationResult> moving = fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        isSlow.Wait(s_cancel);
        Guid session = Assert.Single(fixture.Receiver.Incoming).Id;
        List<Connection> connections = [];
        Task<RecordType>[] answers = [Resume(), Resume()];

        // Both sources have been welcomed and wait for the attempt before theirs, which the slow call holds up.
        goOn.Set();
        RecordType[] said = await Task.WhenAll(answers);
        Assert.Equal([RecordType.Abort, RecordType.Resume], said.Order());
        await Assert.ThrowsAsync<MigrationInterruptedException>(() => moving);

        // The source that was lost on the way is still there, and so is the receiver.
        connections.ForEach(connection => connection.Dispose());
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.True(Assert.Single(fixture.Receiver.Incoming).IsKept);
        fixture.CheckNeverTwice();

        Task<RecordType> Resume()
        {
            Connection bulk = Open(ConnectionRole.ResumedBulk);
            _ = Open(ConnectionRole.ResumedDemand);
            Assert.Equal(RecordType.Welcome, bulk.Receive(out _));
            return Task.Run(() =>
            {
                RecordType answer = bulk.Receive(out ReadOnlySpan<byte> body);
                if (answer == RecordType.Abort)
                {
                    Assert.Equal(MigrationErrorId.DomainBusy, ((AbortRecord)RecordCodec.Decode(answer, body)).ErrorId);
                }

                return answer;
            });
        }

        Connection Open(ConnectionRole role)
        {
            Connection connection = Connection.Open(fixture.Route, s_cancel);
            connections.Add(connection);
            connection.Send(new HelloRecord(Protocol.Version, role, session, 0));
            return connection;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_receiver_that_is_stopped_breaks_off_what_is_being_made_or_restored(bool isCreation)
    {
        await using MigrationFixture fixture = new();
        using WaitingHost waiting = new(fixture.Destination, isCreation);
        MigrationReceiver receiver = MigrationReceiver.Start(waiting, new IPEndPoint(IPAddress.Loopback, 0));
        Task<MigrationResult> moving = MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(receiver.Endpoint),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            s_cancel);
        waiting.IsAtWork.Wait(s_cancel);
        await receiver.DisposeAsync();
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => moving);
        Assert.Equal(MigrationErrorId.AbortedByPeer, error.ErrorId);
        Assert.Equal(DomainState.Running, fixture.Domain.State);
        Assert.Empty(fixture.Destination.GetDomains());
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task A_name_that_cannot_be_given_at_the_destination_is_told_on_both_sides_and_given_later()
    {
        await using MigrationFixture fixture = new();
        Fail(fixture.Destination, SimulatedCall.Complete, 1);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.Contains("under the name web01--incoming", Assert.Single(result.Problems).Message, StringComparison.Ordinal);
        Assert.Contains(nameof(SimulatedCall.Complete), incoming.AfterwardsError!.Message, StringComparison.Ordinal);
        Assert.True(incoming.IsUnnamed);
        Assert.Empty(fixture.Source.GetDomains());

        // The domain is whole, so that giving it up gives it its name and destroys nothing.
        incoming.GiveUp();
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }

    [Fact]
    public async Task Pre_copy_that_is_cut_when_nothing_is_missing_any_more_runs_on_at_the_destination()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.After(SimulatedCall.Unpause, 1, () => fixture.Receiver.Incoming.Single().Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.False(incoming.IsKept);
        Assert.Throws<InvalidOperationException>(incoming.GiveUp);
        Assert.Equal(DomainState.Running, fixture.Destination.GetDomain(MigrationFixture.DomainName).State);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
        await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
    }

    private static void Fail(SimulatedHost host, SimulatedCall call, int times)
    {
        for (int i = 1; i <= times; i++)
        {
            host.Faults.Fail(call, i);
        }
    }

    /// <summary>A trace whose listener throws when the session comes to a state.</summary>
    private sealed class ThrowingTrace(string state) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value)
        {
            if (value.Name.EndsWith(state, StringComparison.Ordinal))
            {
                throw new InvalidOperationException("Nobody listens any more.");
            }
        }
    }

    private sealed class ThrowingRoute(Route inner) : Route(inner.Address)
    {
        internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken) =>
            new Channel(inner.Open(peerTimeout, clock, cancellationToken));

        private sealed class Channel(PeerChannel inner) : PeerChannel
        {
            public override Stream Stream => inner.Stream;

            public override void EndSending() => inner.EndSending();

            protected override void Dispose(bool disposing)
            {
                inner.Dispose();
                throw new AggregateException("Not all processes could be terminated.");
            }
        }
    }

    /// <summary>The word, as a session makes it of what a destination says.</summary>
    private static NeverRanThere NeverRanThere()
    {
        SourceSession session = SourceSession.Resume();
        session.On(new SourceEvent.Received(new WelcomeRecord(Protocol.Version, 0)));
        return session.On(new SourceEvent.Received(new ResumeRecord(ResumePosition.NeverRan, new PageBitmap(1))))
            .OfType<SourceAction.Return>().Single().Word;
    }
}

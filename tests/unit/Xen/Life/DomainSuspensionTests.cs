using PreRecordMigration.Errors;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

public class DomainSuspensionTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);
    private readonly FakeXen _xen = new();
    private readonly FakeDomain _guest;

    public DomainSuspensionTests() => _guest = _xen.Add("vm");

    [Fact]
    public void A_guest_that_obeys_is_suspended_and_nothing_is_left_of_the_request()
    {
        Suspend(s_long);

        Assert.Equal(XenDomainInfo.ReasonSuspend, _guest.ShutdownReason);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_guest_on_its_way_is_waited_for_by_events_and_looked_at_ever_more_rarely()
    {
        _guest.Manner = GuestManner.Dawdles;
        List<TimeSpan> waits = [];
        _xen.AreEventsLost = true;
        _xen.Waiting = wait =>
        {
            waits.Add(wait);
            if (waits.Count == 8)
            {
                _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);
            }
        };
        Suspend(s_long);

        // The first is what the watch tells of itself. No event came, and no look was more than twice as far from the last one as that was.
        Assert.Equal([0, 100, 200, 400, 800, 800, 800, 800], waits.Select(wait => (int)Math.Round(wait.TotalMilliseconds)));
        Assert.Equal(XenDomainInfo.ReasonSuspend, _guest.ShutdownReason);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_guest_that_suspends_while_it_is_waited_for_ends_the_wait()
    {
        _guest.Manner = GuestManner.Dawdles;
        _xen.AfterCall = call =>
        {
            // It was looked at and does not stand still; its event comes while it is waited for, or has come by then.
            if (call == nameof(IDomainControl.ReadStore))
            {
                _xen.AfterCall = null;
                Task.Run(() => _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend), TestContext.Current.CancellationToken);
            }
        };
        DomainSuspension suspension = Suspension(_xen, _guest);
        suspension.Suspend(s_long, TestContext.Current.CancellationToken);

        Assert.Equal(XenDomainInfo.ReasonSuspend, _guest.ShutdownReason);
        Assert.True(suspension.AskTime > TimeSpan.Zero);
    }

    [Fact]
    public void Where_nothing_can_be_watched_nothing_is_asked()
    {
        _xen.FailAlways(nameof(IDomainControl.WatchStore));

        Assert.Throws<XenException>(() => Suspend(s_long));

        Assert.True(_guest.Runs);
        Assert.Null(_xen.Read(FakeXen.ControlPath(_guest)));
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_request_that_nobody_took_is_withdrawn_and_can_never_be_answered()
    {
        _guest.Manner = GuestManner.IsDeaf;

        MigrationException error = Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));

        Assert.Equal(MigrationErrorId.SuspendTimeout, error.ErrorId);
        Assert.Contains("runs on", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("taken", error.Message, StringComparison.Ordinal);
        Assert.Equal("", _xen.Read(FakeXen.ControlPath(_guest)));
        Assert.Empty(_xen.Notes);
        Assert.Null(LateSuspension.Find(Known()));
        Assert.True(_guest.Runs);
    }

    [Fact]
    public async Task A_guest_that_took_the_request_and_suspends_after_it_was_given_up_is_woken()
    {
        _guest.Manner = GuestManner.Dawdles;

        MigrationException error = Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));

        Assert.Contains("has taken the request", error.Message, StringComparison.Ordinal);
        Assert.Single(_xen.Notes);
        LateSuspension late = LateSuspension.Find(Known())!;
        _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);
        await late.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken);

        Assert.True(_guest.Runs);
        Assert.False(_guest.IsStoppedForStore);
        Assert.Empty(_xen.Notes);
        Assert.Null(late.Failure);
    }

    [Fact]
    public async Task A_suspension_that_somebody_else_asked_for_since_is_never_undone()
    {
        _guest.Manner = GuestManner.Dawdles;
        Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));
        LateSuspension late = LateSuspension.Find(Known())!;

        // Somebody asks as `xl save` does, and the guest takes the request at once.
        _xen.Write(FakeXen.ControlPath(_guest), "suspend");
        _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);
        await late.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken);

        Assert.Equal(XenDomainInfo.ReasonSuspend, _guest.ShutdownReason);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public async Task Who_waits_for_a_late_suspension_tries_again_where_waking_fails()
    {
        _guest.Manner = GuestManner.Dawdles;
        Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));
        LateSuspension late = LateSuspension.Find(Known())!;
        _xen.FailAt(0, afterwards: false);
        _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);

        await late.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken);

        Assert.NotNull(_xen.Failed);
        Assert.True(_guest.Runs);
    }

    [Fact]
    public async Task Who_waits_for_a_domain_that_goes_ends()
    {
        _guest.Manner = GuestManner.Dawdles;
        Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));
        LateSuspension late = LateSuspension.Find(Known())!;

        _xen.Remove(_guest);
        await late.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken);

        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void Asked_again_a_guest_that_answers_the_old_request_does_not_answer_the_new_one_too()
    {
        _guest.Manner = GuestManner.Dawdles;
        Assert.Throws<MigrationException>(() => Suspend(TimeSpan.Zero));

        // The guest is still on its way into the earlier suspension, so it sees the new request only when it runs again.
        _guest.Manner = GuestManner.IsDeaf;
        _xen.AfterCall = call =>
        {
            if (call == nameof(IDomainControl.WatchStore))
            {
                _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);
            }
        };
        Suspend(s_long);
        _xen.AfterCall = null;
        Assert.Null(LateSuspension.Find(Known()));
        _guest.Manner = GuestManner.Obeys;
        Known().Wake();

        Assert.True(_guest.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void Given_up_by_the_administrator_the_domain_runs()
    {
        _guest.Manner = GuestManner.IsDeaf;
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();

        Assert.Throws<OperationCanceledException>(() => SuspendUntil(s_long, cancelled.Token));

        Assert.True(_guest.Runs);
        Assert.Equal("", _xen.Read(FakeXen.ControlPath(_guest)));
    }

    [Fact]
    public void A_guest_that_crashes_instead_is_said_to_have_crashed()
    {
        _guest.Manner = GuestManner.Crashes;

        MigrationException error = Assert.Throws<MigrationException>(() => Suspend(s_long));

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("has crashed", error.Message, StringComparison.Ordinal);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_domain_that_goes_while_it_is_waited_for_is_said_to_be_gone()
    {
        _guest.Manner = GuestManner.IsDeaf;
        _xen.AfterCall = call =>
        {
            if (call == nameof(IDomainControl.WatchStore))
            {
                _xen.Remove(_guest);
            }
        };

        Assert.Equal(MigrationErrorId.DomainChanged, Assert.Throws<MigrationException>(() => Suspend(s_long)).ErrorId);

        Assert.Empty(_xen.Notes);
    }

    /// <summary>Whichever call fails, before or after it took effect, the domain is suspended, or it runs and nothing can suspend it
    /// later.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whatever_call_fails_the_domain_is_suspended_or_runs_for_good(bool afterwards) => EachCall.Fails(
        afterwards,
        least: 5,
        xen =>
        {
            FakeDomain guest = xen.Add("vm");
            return (Xen: xen, Guest: guest, Suspension: Suspension(xen, guest));
        },
        world => world.Suspension.Suspend(s_long, TestContext.Current.CancellationToken),
        (world, failed, error) =>
        {
            if (error is null)
            {
                Assert.Equal(XenDomainInfo.ReasonSuspend, world.Guest.ShutdownReason);
                return;
            }

            Assert.True(world.Guest.Runs, $"{failed} failed: {error}");
            Assert.NotEqual("suspend", world.Xen.Read(FakeXen.ControlPath(world.Guest)));
            Assert.Empty(world.Xen.Notes);
        });

    [Fact]
    public void What_a_killed_tool_asked_for_and_nobody_took_is_withdrawn()
    {
        _guest.Manner = GuestManner.IsDeaf;
        LeaveRequest();

        Settle();
        _guest.Manner = GuestManner.Obeys;
        Known().Pause();
        Known().Unpause();

        Assert.True(_guest.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void What_a_killed_tool_asked_for_and_the_guest_did_is_undone()
    {
        LeaveRequest();
        Assert.False(_guest.Runs);

        Settle();

        Assert.True(_guest.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public async Task What_a_killed_tool_asked_for_and_the_guest_does_later_is_waited_for()
    {
        _guest.Manner = GuestManner.Dawdles;
        LeaveRequest();

        Settle();
        LateSuspension late = LateSuspension.Find(Known())!;
        _xen.Shutdown(_guest, XenDomainInfo.ReasonSuspend);
        await late.Ended.WaitAsync(s_long, TestContext.Current.CancellationToken);

        Assert.True(_guest.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_suspension_from_long_after_a_killed_tools_request_is_somebody_elses()
    {
        LeaveRequest(age: SuspendRequest.LongestWay);

        Settle();

        Assert.False(_guest.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void What_a_living_tool_asked_for_is_left_to_it()
    {
        LeaveRequest(OwnerProcess.Current);

        Settle();

        Assert.False(_guest.Runs);
        Assert.Single(_xen.Notes);
    }

    private static DomainSuspension Suspension(FakeXen xen, FakeDomain guest) =>
        new(KnownDomainTests.Known(xen, guest), xen.Connect) { TakenPatience = TimeSpan.Zero };

    private KnownDomain Known() => KnownDomainTests.Known(_xen, _guest);

    private void Suspend(TimeSpan timeout) => SuspendUntil(timeout, CancellationToken.None);

    private void SuspendUntil(TimeSpan timeout, CancellationToken cancellationToken) =>
        Suspension(_xen, _guest).Suspend(timeout, cancellationToken);

    private void Settle() => Suspension(_xen, _guest).Settle();

    private void LeaveRequest(OwnerProcess owner = default, TimeSpan age = default)
    {
        _xen.Write($"/prerecord/suspend/{_guest.DomId}", $"{owner} {_guest.Uuid} {Environment.TickCount64 - (long)age.TotalMilliseconds}");
        _xen.Write(FakeXen.ControlPath(_guest), "suspend");
    }
}

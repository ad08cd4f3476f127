using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>The identity of a domain that comes in, which names are free for it, and that nothing is left of it where it does not
/// come.</summary>
public class IncomingCreationTests
{
    private const string Uuid = "6b1c1f4e00004000800000000000000a";
    private readonly FakeXen _xen = new();
    private readonly FakeArrival _arrival;

    public IncomingCreationTests() => _arrival = new FakeArrival(_xen, Uuid);

    private string? ReservationNote => _xen.Notes.FirstOrDefault(note => note.StartsWith("/prerecord/arrivals/", StringComparison.Ordinal));

    [Fact]
    public void A_domain_that_comes_in_is_marked_has_a_name_of_its_own_and_has_not_run()
    {
        using XenIncomingDomain made = _arrival.Create();

        FakeDomain domain = Assert.Single(_xen.Domains);
        Assert.StartsWith("vm--incoming-", _xen.NameOf(domain), StringComparison.Ordinal);
        Assert.StartsWith($"/prerecord/incoming/{domain.DomId}=Preparing {OwnerProcess.Current} {Uuid} ", Assert.Single(_xen.Notes), StringComparison.Ordinal);
        Assert.False(made.HasRun);
        Assert.Equal(domain.DomId, made.Info.Id);
        Assert.Equal(DomainState.Paused, made.Info.State);
    }

    [Fact]
    public void Another_domain_of_the_final_name_refuses_it_before_anything_is_made()
    {
        _xen.Add("vm");

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainExists, error.ErrorId);
        Assert.Empty(_arrival.Children);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void Its_own_source_on_the_same_host_may_bear_the_name()
    {
        FakeDomain source = _xen.Add("vm", Uuid);
        _xen.Write($"/prerecord/source/{source.DomId}", $"Running {OwnerProcess.Current} {Uuid}");

        using XenIncomingDomain made = _arrival.Create();

        Assert.NotEqual(source.DomId, made.Info.Id);
    }

    [Theory]
    [InlineData("vm")]
    [InlineData("another")]
    public void A_domain_that_nobody_moves_from_here_is_not_the_one_that_comes_whatever_its_UUID(string name)
    {
        _xen.Add(name, Uuid);

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainExists, error.ErrorId);
        Assert.Contains("has the UUID", error.Message, StringComparison.Ordinal);
        Assert.Empty(_arrival.Children);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_second_arrival_of_the_name_is_refused_while_the_first_is_being_made_and_afterwards()
    {
        MigrationException? whileMade = null;
        _arrival.OnMade = _ => whileMade = Assert.Throws<MigrationException>(() => new FakeArrival(_xen, Uuid).Create());

        using XenIncomingDomain first = _arrival.Create();
        MigrationException afterwards = Assert.Throws<MigrationException>(() => new FakeArrival(_xen, Uuid).Create());

        Assert.Equal(MigrationErrorId.DomainExists, whileMade!.ErrorId);
        Assert.Equal(MigrationErrorId.DomainExists, afterwards.ErrorId);
        Assert.Single(_xen.Domains);
    }

    [Fact]
    public void A_domain_of_another_maker_is_never_taken_for_its_own()
    {
        // One domain has a name as xl migrate gives it, and another is being brought by another process.
        FakeDomain foreign = _xen.Add("vm--incoming", Uuid);
        FakeDomain twin = _xen.Add("vm--incoming-01234567", Uuid);

        using XenIncomingDomain made = _arrival.Create();
        made.Destroy();

        Assert.Equal([foreign, twin], _xen.Domains.OrderBy(domain => domain.DomId));
    }

    [Fact]
    public void A_domain_of_the_provisional_name_with_another_UUID_is_not_taken()
    {
        // Nobody but the child knows the provisional name. Should another domain bear it, the UUID decides.
        Arrival arrival = new("vm", Uuid, "01234567");
        _xen.Add(arrival.ProvisionalName);

        Assert.Null(arrival.Find(_xen.Connect()));
    }

    [Fact]
    public void A_reservation_dies_with_its_process_and_what_its_child_made_goes()
    {
        _xen.Add("vm--incoming-01234567", Uuid);
        _xen.Write("/prerecord/arrivals/766d", $"{default(OwnerProcess)} {Uuid} 01234567 vm");

        using XenIncomingDomain made = _arrival.Create();

        Assert.Equal(made.Info.Id, Assert.Single(_xen.Domains).DomId);
        Assert.Null(ReservationNote);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2 1:1 6b1c1f4e00004000800000000000000a 01234567 vm")]
    public void A_reservation_of_another_version_keeps_its_name_and_no_other(string content)
    {
        _xen.Write("/prerecord/arrivals/766d", content);

        MigrationException error = Refusal();
        Assert.Equal(MigrationErrorId.DomainExists, error.ErrorId);
        Assert.Contains("xenstore-rm /prerecord/arrivals/766d", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("/prerecord/arrivals/766d", Assert.Throws<MigrationException>(() => ArrivalNames.Sweep(_xen.Connect())).Message, StringComparison.Ordinal);
        Assert.Equal(content, _xen.Read("/prerecord/arrivals/766d"));

        _xen.Connect().RemoveStore("/prerecord/arrivals/766d");
        _xen.Write("/prerecord/arrivals/6f74686572", content);
        using XenIncomingDomain made = _arrival.Create();
        Assert.Equal(content, _xen.Read("/prerecord/arrivals/6f74686572"));
    }

    [Fact]
    public void What_a_killed_tool_prepared_is_destroyed_by_the_next_arrival_of_any_name()
    {
        Leave("other", IncomingMark.Preparing);

        using XenIncomingDomain made = _arrival.Create();

        Assert.Equal(made.Info.Id, Assert.Single(_xen.Domains).DomId);
        Assert.Single(_xen.Notes);
    }

    [Fact]
    public void What_a_killed_tool_prepared_is_known_to_have_never_run_when_it_is_destroyed()
    {
        for (int arrival = 0; arrival < 70; arrival++)
        {
            FakeDomain left = Leave("other", IncomingMark.Preparing);
            _xen.Files[$"incoming-{left.DomId}-01234567"] = [(byte)arrival];
            Assert.False(IncomingMarker.HasTakenDown(_xen.Connect(), journal => journal.Span[0] == arrival));
            Assert.Empty(IncomingMarker.Sweep(_xen.Connect()).Left);
            Assert.Empty(_xen.Domains);
            Assert.True(IncomingMarker.HasTakenDown(_xen.Connect(), journal => journal.Span[0] == arrival));
        }

        // The first ones have made room.
        Assert.Equal(64, _xen.Files.Count);
        Assert.Equal(64, _xen.Notes.Count);
        Assert.False(IncomingMarker.HasTakenDown(_xen.Connect(), journal => journal.Span[0] == 0));
    }

    [Fact]
    public void Of_what_was_taken_down_a_file_that_cannot_be_believed_hides_no_other()
    {
        foreach (byte arrival in (byte[])[1, 2, 3])
        {
            FakeDomain left = Leave("other", IncomingMark.Preparing);
            _xen.Files[$"incoming-{left.DomId}-01234567"] = [arrival];
            IncomingMarker.Sweep(_xen.Connect());
        }

        int reads = 0;
        _xen.AfterCall = call =>
        {
            if (call == nameof(IDomainControl.ReadFile) && reads++ % 3 == 0)
            {
                throw new MigrationException(MigrationErrorId.FileNotTrusted, "others may write it", "close it");
            }
        };

        Assert.True(IncomingMarker.HasTakenDown(_xen.Connect(), journal => journal.Span[0] == 3));

        // Whether it was the one that nobody could read is not known.
        reads = 0;
        Assert.Equal(
            MigrationErrorId.FileNotTrusted,
            Assert.Throws<MigrationException>(() => IncomingMarker.HasTakenDown(_xen.Connect(), journal => journal.Span[0] == 4)).ErrorId);
    }

    [Theory]
    [InlineData("Halved 1:1 {0} 01234567 other")]
    [InlineData("2 Preparing 1:1 {0} 01234567 other")]
    [InlineData("")]
    public void A_mark_of_another_version_stays_with_its_domain_and_is_reported(string content)
    {
        FakeDomain left = _xen.Add("other--incoming-01234567");
        string path = $"/prerecord/incoming/{left.DomId}";
        _xen.Write(path, string.Format(CultureInfo.InvariantCulture, content, left.Uuid));

        // Its process ended before its name was given back: it may have run since.
        _xen.Write("/prerecord/arrivals/6f74686572", $"{default(OwnerProcess)} {left.Uuid} 01234567 other");
        _xen.Write("/prerecord/incoming/all", "of another version");
        FakeDomain understood = Leave("third", IncomingMark.Preparing);
        using (_arrival.Create())
        {
            Assert.Contains(left, _xen.Domains);
            Assert.DoesNotContain(understood, _xen.Domains);
        }

        MigrationException error = Assert.Throws<MigrationException>(() => ArrivalNames.Sweep(_xen.Connect()));
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Equal(["/prerecord/incoming/all", path], error.Remedy.Split(' ')[^2..].OrderDescending(StringComparer.Ordinal));
        Assert.NotNull(_xen.Read(path));
        Assert.Equal(
            MigrationErrorId.DomainBusy,
            Assert.Throws<MigrationException>(() => SourceOpening.RequireUnclaimed(_xen.Connect(), _xen.NameOf(left)!)).ErrorId);

        // Of a domain that is gone it means nothing to anybody.
        _xen.Remove(left);
        Assert.Throws<MigrationException>(() => ArrivalNames.Sweep(_xen.Connect()));
        Assert.Null(_xen.Read(path));
    }

    [Theory]
    [InlineData(IncomingMark.Started, true)]
    [InlineData(IncomingMark.Whole, true)]
    [InlineData(IncomingMark.Started, false)]
    [InlineData(IncomingMark.Whole, false)]
    public void What_has_run_is_never_said_to_have_not(IncomingMark mark, bool isThere)
    {
        FakeDomain left = Leave("other", mark);
        _xen.Files[$"incoming-{left.DomId}-01234567"] = [1];
        if (!isThere)
        {
            _xen.Remove(left);
        }

        IncomingMarker.Sweep(_xen.Connect());
        Assert.False(IncomingMarker.HasTakenDown(_xen.Connect(), _ => true));
    }

    [Theory]
    [InlineData(IncomingMark.Started, "may be the only copy")]
    [InlineData(IncomingMark.Whole, "xl rename vm--incoming-01234567 vm")]
    public void What_a_killed_tool_had_started_is_kept_and_named(IncomingMark mark, string words)
    {
        FakeDomain left = Leave("vm", mark);

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainBusy, error.ErrorId);
        Assert.Contains(words, error.Remedy, StringComparison.Ordinal);
        Assert.Same(left, Assert.Single(_xen.Domains));
        Assert.Single(_xen.Notes);
    }

    [Fact]
    public void What_a_killed_tool_had_started_of_another_name_stays_beside()
    {
        FakeDomain left = Leave("other", IncomingMark.Started);

        using XenIncomingDomain made = _arrival.Create();

        Assert.Contains(left, _xen.Domains);
        Assert.Equal(2, _xen.Domains.Count);
    }

    [Fact]
    public void A_mark_whose_number_is_another_domains_by_now_harms_nobody()
    {
        FakeDomain left = Leave("other", IncomingMark.Preparing);
        _xen.Remove(left);
        FakeDomain reused = _xen.Add("innocent", domid: left.DomId);

        using XenIncomingDomain made = _arrival.Create();

        Assert.Contains(reused, _xen.Domains);
        Assert.DoesNotContain(_xen.Notes, note => note.Contains("01234567", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(ChildManner.Works)]
    [InlineData(ChildManner.LeavesDomain)]
    [InlineData(ChildManner.Fails)]
    public void What_fails_on_the_way_leaves_nothing(object manner)
    {
        _arrival.Manner = (ChildManner)manner;
        _arrival.AllocationError = new MigrationException(MigrationErrorId.OutOfMemory, "no memory", "none");

        MigrationException error = Refusal();

        Assert.Equal(
            _arrival.Manner == ChildManner.Fails ? MigrationErrorId.HypervisorCall : MigrationErrorId.OutOfMemory, error.ErrorId);
        Assert.Empty(_xen.Domains);
        Assert.Empty(_xen.Notes);
        Assert.True(_arrival.Children.Single().IsEnded);
    }

    [Fact]
    public async Task A_child_that_hangs_is_killed_when_the_arrival_is_given_up()
    {
        _arrival.Manner = ChildManner.Hangs;
        using CancellationTokenSource cancelled = new();
        Task creation = Task.Run(() => _arrival.CreateUntil(cancelled.Token), TestContext.Current.CancellationToken);

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creation);

        Assert.Empty(_xen.Domains);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_domain_whose_balloon_has_not_come_down_brings_the_memory_that_it_has()
    {
        _arrival.Limit = 32; // pages, by the target of its balloon; it holds 64

        using XenIncomingDomain made = _arrival.Create();

        Assert.True(_arrival.LimitAtPages >= FakeArrival.PageCount, "its pages were announced before they were allowed");
        Finish(made);
        Assert.Equal(32ul, Assert.Single(_xen.Domains).MaxPages);
    }

    [Fact]
    public void A_limit_comes_down_though_the_name_cannot_be_had_yet_and_the_name_though_the_limit_does_not()
    {
        _arrival.Limit = 32;
        using XenIncomingDomain made = _arrival.Create();
        FakeDomain other = _xen.Add("vm");
        Assert.Throws<MigrationException>(() => Finish(made));
        FakeDomain domain = _xen.Domains.Single(domain => domain != other);
        Assert.Equal(32ul, domain.MaxPages);

        _xen.Remove(other);
        _xen.FailAlways(nameof(IDomainControl.SetMaximumMemory));
        Assert.Throws<XenException>(made.Complete);
        Assert.Equal("vm", _xen.NameOf(domain));
    }

    [Fact]
    public void A_limit_that_is_large_enough_is_left_alone()
    {
        using XenIncomingDomain made = _arrival.Create();

        Finish(made);

        Assert.Equal(1024ul, Assert.Single(_xen.Domains).MaxPages);
    }

    /// <summary>Whichever call fails: the domain has come in, or the next arrival finds nothing in its way.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whatever_call_fails_nothing_keeps_the_next_arrival_out(bool afterwards) => EachCall.Fails(
        afterwards,
        least: 10,
        xen => xen,
        xen => new FakeArrival(xen, Uuid) { Limit = 32 }.Create().Dispose(),
        (xen, _, error) =>
        {
            Assert.IsAssignableFrom<MigrationException>(error);
            foreach (string note in xen.Notes)
            {
                // The process dies with its error.
                string[] parts = note.Split('=', 2);
                xen.Write(parts[0], parts[1].Replace(OwnerProcess.Current.ToString(), default(OwnerProcess).ToString(), StringComparison.Ordinal));
            }

            using XenIncomingDomain made = new FakeArrival(xen, Uuid).Create();
            Assert.Equal(made.Info.Id, Assert.Single(xen.Domains).DomId);
        });

    internal static void Finish(XenIncomingDomain made)
    {
        made.Restore(XenIncomingDomainTests.Core, TestContext.Current.CancellationToken);
        made.Unpause();
        made.Complete();
    }

    private MigrationException Refusal() => Assert.ThrowsAny<MigrationException>(() => _arrival.Create());

    private FakeDomain Leave(string name, IncomingMark mark)
    {
        FakeDomain left = _xen.Add($"{name}--incoming-01234567");
        _xen.Write($"/prerecord/incoming/{left.DomId}", $"{mark} {default(OwnerProcess)} {left.Uuid} 01234567 {name}");
        return left;
    }
}

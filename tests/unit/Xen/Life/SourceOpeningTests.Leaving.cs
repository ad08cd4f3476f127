using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <content>A domain that was leaving is woken only by the administrator's word.</content>
public sealed partial class SourceOpeningTests
{
    private static readonly Departure s_departure =
        new("xen2:8472", new Continuation(Guid.Parse("0123456789abcdef0123456789abcdef"), "AB01", MigrationMethod.PostCopy, RecordingMode.Observe));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Left_leaving_it_is_never_woken_and_the_refusal_says_where_to_look(bool isSuspended)
    {
        Stop(isSuspended);
        Leave(SourceMark.Leaving);

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("may run at its destination", error.Message, StringComparison.Ordinal);
        Assert.Contains($"xl destroy {_domain.DomId}", error.Remedy, StringComparison.Ordinal);
        Assert.False(_domain.Runs);
        Assert.Empty(_source.Steps);
        Assert.Equal($"{MarkPath}=Leaving 0:0 {_domain.Uuid}", Assert.Single(_xen.Notes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_administrators_word_wakes_a_domain_that_never_ran_elsewhere(bool isSuspended)
    {
        Stop(isSuspended);
        Leave(SourceMark.Leaving);
        Assert.Contains("Stop-Migration vm -NeverRanThere", Refusal().Remedy, StringComparison.Ordinal);

        XenSourceDomain open = _source.Open(isReleased: true);

        Assert.True(_domain.Runs);
        Assert.StartsWith("Running", _xen.Read(MarkPath), StringComparison.Ordinal);
        new SourceCustody(open).Dispose();
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_domain_that_has_another_copy_on_this_host_is_not_woken_by_anybodys_word()
    {
        Stop(isSuspended: true);
        Leave(SourceMark.Leaving);
        _xen.Add("vm--incoming-0000abcd", _domain.Uuid);

        MigrationException error = Assert.Throws<MigrationException>(() => _source.Open(isReleased: true));

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("vm--incoming-0000abcd", error.Message, StringComparison.Ordinal);
        Assert.False(_domain.Runs);
        Assert.StartsWith("Leaving", _xen.Read(MarkPath), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(SourceMark.Running)]
    [InlineData(SourceMark.Stopped)]
    [InlineData(SourceMark.Destroying)]
    public void What_was_not_leaving_is_not_taken_back_and_stays_as_it_is(SourceMark? mark)
    {
        if (mark is { } left)
        {
            Stop(isSuspended: true);
            Leave(left);
        }

        string[] notes = [.. _xen.Notes];

        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(() => _source.Open(isReleased: true)).ErrorId);

        Assert.Equal(notes, _xen.Notes);
        Assert.Equal(mark is null, _domain.Runs);
        Assert.Empty(_source.Steps);
    }

    [Theory]
    [InlineData("xen2:8472", "xen2:8472")]
    [InlineData("", "nothing is noted")]
    [InlineData("xen2\u001b[2J", "nothing is noted")]
    [InlineData("xen2 and more", "nothing is noted")]
    public void Where_a_leaving_domain_went_is_told_where_what_is_noted_can_be_a_name(string noted, string told)
    {
        Stop(isSuspended: true);
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {noted}");

        MigrationException error = Refusal();

        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.DoesNotContain("more", error.Message, StringComparison.Ordinal);

        // Whoever comes next is told the same.
        Assert.Contains(told, Refusal().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_domain_goes_is_noted_with_its_mark_and_stays_with_it()
    {
        using (XenSourceDomain open = _source.Open())
        {
            open.Mark(SourceMark.Leaving, new Departure("xen2:8472", null));
            Assert.Equal([$"{MarkPath}=Leaving {OwnerProcess.Current} {_domain.Uuid} {_domain.CpuTime} xen2:8472"], _xen.Notes);
        }

        Assert.Equal([$"{MarkPath}=Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} xen2:8472"], _xen.Notes);
    }

    [Fact]
    public void What_is_left_behind_is_what_is_here_and_has_a_mark_without_a_living_owner()
    {
        using IDomainControl control = _xen.Connect();
        Assert.Empty(SourceMarker.FindLeft(control));

        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {s_departure}");
        Assert.Equal([new LeftBehind("vm", SourceMark.Leaving, s_departure)], SourceMarker.FindLeft(control));
        _xen.Write(MarkPath, $"Stopped {default(OwnerProcess)} {_domain.Uuid}");
        Assert.Equal([new LeftBehind("vm", SourceMark.Stopped, null)], SourceMarker.FindLeft(control));

        _xen.Write(MarkPath, $"Stopped {OwnerProcess.Current} {_domain.Uuid}");
        Assert.Empty(SourceMarker.FindLeft(control));
        _xen.Write(MarkPath, $"Stopped {default(OwnerProcess)} {Guid.Empty}");
        Assert.Empty(SourceMarker.FindLeft(control));
        _xen.Write(MarkPath, "nonsense");
        Assert.Empty(SourceMarker.FindLeft(control));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_tool_takes_over_what_was_leaving_as_it_stands_and_its_mark_stays(bool isSuspended)
    {
        Stop(isSuspended);
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {s_departure}");

        LeftDomain left = _source.OpenLeaving();

        Assert.Equal(s_departure, left.Departure);
        Assert.False(_domain.Runs);
        Assert.Equal([nameof(FakeSource.RemoveTraps), nameof(FakeSource.Build)], _source.Steps.Take(2));
        Assert.True(_source.WasPaused);
        Assert.Equal([$"{MarkPath}=Leaving {OwnerProcess.Current} {_domain.Uuid} {_domain.CpuTime} {s_departure}"], _xen.Notes);
        Assert.Equal(MigrationErrorId.DomainBusy, Assert.Throws<MigrationException>(_source.OpenLeaving).ErrorId);

        // Killed in its turn, it leaves what it found.
        left.Domain.Dispose();
        Assert.Equal([$"{MarkPath}=Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {s_departure}"], _xen.Notes);
        _source.OpenLeaving().Domain.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_taken_over_and_never_ran_elsewhere_runs_on_without_the_traps_that_were_left(bool isSuspended)
    {
        Stop(isSuspended);
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {s_departure}");
        using ISourceDomain left = _source.OpenLeaving().Domain;

        left.Resume();

        Assert.True(_domain.Runs);
        Assert.Contains(nameof(FakeSource.RemoveTraps), _source.Steps);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(SourceMark.Running)]
    [InlineData(SourceMark.Stopped)]
    [InlineData(SourceMark.Destroying)]
    public void What_was_not_leaving_is_not_taken_over_and_stays_as_it_is(SourceMark? mark)
    {
        if (mark is { } left)
        {
            Stop(isSuspended: true);
            Leave(left);
        }

        string[] notes = [.. _xen.Notes];

        Assert.Equal(MigrationErrorId.DomainState, Assert.Throws<MigrationException>(_source.OpenLeaving).ErrorId);

        Assert.Equal(notes, _xen.Notes);
        Assert.Equal(mark is null, _domain.Runs);
        Assert.DoesNotContain(nameof(FakeSource.RemoveTraps), _source.Steps);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" 1")]
    [InlineData(" 1 xen2:8472")]
    [InlineData(" 1 xen2:8472 nothing that can be read")]
    [InlineData(" xen2:8472 0123456789abcdef0123456789abcdef AB01 PostCopy Observe")]
    [InlineData(" -1 xen2:8472 0123456789abcdef0123456789abcdef AB01 PostCopy Observe")]
    public void Where_nothing_is_noted_that_another_tool_could_go_on_with_it_says_so(string noted)
    {
        Stop(isSuspended: true);
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid}{noted}");

        MigrationException error = Assert.Throws<MigrationException>(_source.OpenLeaving);

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("nothing is noted that another tool could go on with", error.Message, StringComparison.Ordinal);
        Assert.False(_domain.Runs);
        Assert.StartsWith("Leaving", _xen.Read(MarkPath), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_somebody_let_run_since_it_left_is_not_taken_over_whether_it_stands_still_again_or_not(bool standsAgain)
    {
        _xen.Write(MarkPath, $"Leaving {default(OwnerProcess)} {_domain.Uuid} {_domain.CpuTime} {s_departure}");
        if (standsAgain)
        {
            _domain.CpuTime++;
            Stop(isSuspended: false);
        }

        MigrationException error = Assert.Throws<MigrationException>(_source.OpenLeaving);

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("somebody has let it run", error.Message, StringComparison.Ordinal);
        Assert.Equal(!standsAgain, _domain.Runs);
        Assert.StartsWith("Leaving", _xen.Read(MarkPath), StringComparison.Ordinal);
    }

    [Fact]
    public void What_it_had_used_when_it_left_is_noted_once()
    {
        using XenSourceDomain open = _source.Open();
        open.Mark(SourceMark.Leaving, s_departure);
        ulong used = _domain.CpuTime;
        _domain.CpuTime++;

        open.Mark(SourceMark.Leaving, s_departure with { HasRun = true });

        Assert.Equal([$"{MarkPath}=Leaving {OwnerProcess.Current} {_domain.Uuid} {used} {s_departure} ran"], _xen.Notes);
    }
}

using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>What the next tool does with what a killed one left, by its mark; and that two living ones exclude each other.</summary>
public sealed partial class SourceOpeningTests : IDisposable
{
    private readonly FakeXen _xen = new();
    private readonly FakeDomain _domain;
    private readonly FakeSource _source;

    public SourceOpeningTests()
    {
        _domain = _xen.Add("vm");
        _source = new FakeSource(_xen, _domain);
    }

    public void Dispose() => _source.Dispose();

    private string MarkPath => SourceMarker.PathOf(_domain.DomId);

    [Fact]
    public void An_open_domain_is_marked_as_this_process_and_freeing_the_handle_decides_nothing()
    {
        XenSourceDomain open = _source.Open();
        Assert.Equal([$"{MarkPath}=Running {OwnerProcess.Current} {_domain.Uuid}"], _xen.Notes);

        open.Pause();
        open.Dispose();

        Assert.Equal(1, _domain.Pauses);
        Assert.Equal([$"{MarkPath}=Running {default(OwnerProcess)} {_domain.Uuid}"], _xen.Notes);
        Assert.Equal(0, _xen.Connections);
    }

    [Fact]
    public void What_could_not_be_woken_is_woken_when_this_process_opens_it_again()
    {
        using (XenSourceDomain open = _source.Open())
        {
            open.Mark(SourceMark.Stopped);
            open.Pause();
        }

        using XenSourceDomain again = _source.Open();

        Assert.True(_domain.Runs);
    }

    [Theory]
    [InlineData(SourceMark.Running)]
    [InlineData(SourceMark.Stopped)]
    [InlineData(SourceMark.Leaving)]
    [InlineData(SourceMark.Destroying)]
    public void What_a_living_process_owns_is_busy(SourceMark mark)
    {
        _xen.Write(MarkPath, $"{mark} {OwnerProcess.Current} {_domain.Uuid}");

        MigrationException error = Refusal();

        // The error says which process it is, because an administrator has to find its session.
        Assert.Equal(MigrationErrorId.DomainBusy, error.ErrorId);
        Assert.Matches($"process {Environment.ProcessId} \\('.*PreRecordMigration.*', since [0-9: -]+\\)", error.Message);
        Assert.Contains("Stop-PreRecord vm", error.Remedy, StringComparison.Ordinal);
        Assert.Equal($"{mark} {OwnerProcess.Current} {_domain.Uuid}", _xen.Read(MarkPath));
        Assert.Empty(_source.Steps);
    }

    [Fact]
    public void Who_works_on_a_domain_is_seen_without_touching_it()
    {
        using IDomainControl control = _xen.Connect();
        SourceOpening.RequireUnclaimed(control, "vm");

        _xen.Write(MarkPath, $"Stopped {OwnerProcess.Current} {_domain.Uuid}");
        Assert.Equal(MigrationErrorId.DomainBusy, Unclaimed().ErrorId);

        // Nobody works on a domain that a dead process left; whoever opens it mends it.
        _xen.Write(MarkPath, $"Stopped {default(OwnerProcess)} {_domain.Uuid}");
        SourceOpening.RequireUnclaimed(control, "vm");
        Assert.Equal($"Stopped {default(OwnerProcess)} {_domain.Uuid}", _xen.Read(MarkPath));

        _xen.Write($"/prerecord/incoming/{_domain.DomId}", $"Started {OwnerProcess.Current} {_domain.Uuid} 01234567 vm");
        Assert.Contains("is coming in", Unclaimed().Message, StringComparison.Ordinal);
        Assert.Empty(_source.Steps);

        MigrationException Unclaimed() => Assert.Throws<MigrationException>(() => SourceOpening.RequireUnclaimed(control, "vm"));
    }

    [Fact]
    public void Of_two_that_claim_a_domain_at_once_one_succeeds()
    {
        bool isFirst = true;
        _xen.AfterCall = call =>
        {
            // Another process claims the domain between the look at the mark and this claim.
            if (isFirst && call == nameof(IDomainControl.ReadStore) && _xen.Calls > 3)
            {
                isFirst = false;
                _xen.Write(MarkPath, $"Running {OwnerProcess.Current} {_domain.Uuid}");
            }
        };

        Assert.Equal(MigrationErrorId.DomainBusy, Refusal().ErrorId);
        Assert.False(isFirst);
    }

    [Fact]
    public void Left_running_its_traps_are_removed_while_it_stands_and_it_runs_on()
    {
        Leave(SourceMark.Running);

        _source.Open();

        Assert.Equal([nameof(FakeSource.RemoveTraps), nameof(FakeSource.ContinueEmulator), nameof(FakeSource.Build)], _source.Steps);
        Assert.True(_source.WasPaused);
        Assert.True(_domain.Runs);
        Assert.StartsWith("Running", _xen.Read(MarkPath), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_killed_recording_of_any_domain_kept_goes_with_the_next_opening_whether_that_records_or_not()
    {
        BackupFiles killed = BackupFiles.TryMake(1000)!;
        killed.TryMakeStep(0)!.Dispose();
        string head = Path.Combine(RuntimeFolder.Find(), $"originals-{killed.Id:N}");
        killed.Dispose();

        _source.Open();

        Assert.False(File.Exists(head));
        Assert.False(File.Exists($"{head}.0"));
    }

    [Fact]
    public void Left_running_it_is_not_woken_out_of_a_suspension_that_somebody_else_asked_for_meanwhile()
    {
        // `xl migrate`, say: its copy may run.
        Leave(SourceMark.Running);
        _source.WhileRemovingTraps = () => _xen.Shutdown(_domain, XenDomainInfo.ReasonSuspend);

        Xunit.Record.Exception(() => _source.Open());

        Assert.Equal(XenDomainInfo.ReasonSuspend, _domain.ShutdownReason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Left_stopped_it_is_woken_whether_it_was_suspended_or_paused(bool isSuspended)
    {
        // A recording in Rollback holds a domain paused after its window and suspended at its checkpoint.
        Stop(isSuspended);
        Leave(SourceMark.Stopped);

        _source.Open();

        Assert.True(_domain.Runs);
        Assert.False(_domain.IsStoppedForStore);
        Assert.StartsWith("Running", _xen.Read(MarkPath), StringComparison.Ordinal);
    }

    [Fact]
    public void Left_destroying_it_is_destroyed_and_said_to_have_moved()
    {
        Stop(isSuspended: true);
        Leave(SourceMark.Destroying);

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainNotFound, error.ErrorId);
        Assert.Contains("has moved away", error.Message, StringComparison.Ordinal);
        Assert.Empty(_xen.Domains);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void A_mark_of_another_domain_of_the_same_number_is_nothing()
    {
        _xen.Write(MarkPath, $"Destroying {default(OwnerProcess)} {Guid.NewGuid():N}");

        _source.Open();

        Assert.True(_domain.Runs);
    }

    /// <summary>A domain may be destroyed by hand after its tool was killed; nobody would ever open it again.</summary>
    [Fact]
    public void What_a_killed_process_noted_of_a_domain_that_is_gone_goes_with_the_next_opening_of_any()
    {
        FakeDomain gone = _xen.Add("gone");
        FakeDomain reborn = _xen.Add("reborn");
        FakeDomain there = _xen.Add("there");
        foreach (FakeDomain domain in (FakeDomain[])[gone, reborn, there])
        {
            _xen.Write(SourceMarker.PathOf(domain.DomId), $"Leaving {default(OwnerProcess)} {domain.Uuid}");
            _xen.Write($"/prerecord/suspend/{domain.DomId}", $"{default(OwnerProcess)} {domain.Uuid} 1");
        }

        _xen.Remove(gone);
        _xen.Remove(reborn);
        _xen.Add("reborn", domid: reborn.DomId);

        _source.Open();

        Assert.Equal(
            [MarkPath, $"/prerecord/source/{there.DomId}", $"/prerecord/suspend/{there.DomId}"],
            _xen.Notes.Select(note => note.Split('=')[0]));
    }

    [Fact]
    public void What_a_living_process_noted_of_a_domain_that_is_gone_is_that_process_own()
    {
        FakeDomain gone = _xen.Add("gone");
        _xen.Write(SourceMarker.PathOf(gone.DomId), $"Leaving {OwnerProcess.Current} {gone.Uuid}");
        _xen.Remove(gone);

        _source.Open();

        Assert.Equal(2, _xen.Notes.Count);
    }

    [Theory]
    [InlineData(nameof(FakeSource.RemoveTraps), SourceMark.Running)]
    [InlineData(nameof(FakeSource.RemoveTraps), SourceMark.Stopped)]
    public void What_could_not_be_mended_stays_for_the_next(string step, SourceMark mark)
    {
        if (mark == SourceMark.Stopped)
        {
            Stop(isSuspended: true);
        }

        Leave(mark);
        _source.FailsAt = step;
        Refusal();
        Assert.StartsWith($"{mark} 0:0", _xen.Read(MarkPath), StringComparison.Ordinal);

        _source.FailsAt = null;
        _source.Open();

        Assert.True(_domain.Runs);
    }

    [Fact]
    public void A_domain_that_cannot_be_recorded_is_refused_and_not_marked()
    {
        _source.FailsAt = nameof(FakeSource.Build);

        Assert.Equal(MigrationErrorId.HypervisorCall, Refusal().ErrorId);

        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void Mended_but_not_to_be_opened_a_domain_keeps_no_mark_by_which_it_would_be_woken_again()
    {
        Stop(isSuspended: true);
        Leave(SourceMark.Stopped);
        _source.FailsAt = nameof(FakeSource.Build);

        Refusal();

        Assert.True(_domain.Runs);
        Assert.Empty(_xen.Notes);
    }

    [Theory]
    [InlineData(0u, "has shut down")]
    [InlineData(2u, "has suspended itself")]
    [InlineData(3u, "has crashed")]
    public void What_stands_still_without_a_mark_is_refused_by_why(uint reason, string words)
    {
        _xen.Shutdown(_domain, reason);

        MigrationException error = Refusal();

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Empty(_xen.Notes);
        Assert.False(_domain.Runs);
    }

    [Theory]
    [InlineData(IncomingMark.Preparing)]
    [InlineData(IncomingMark.Started)]
    public void A_domain_whose_pages_may_be_missing_here_is_no_source(IncomingMark mark)
    {
        _xen.Write($"/prerecord/incoming/{_domain.DomId}", $"{mark} {default(OwnerProcess)} {_domain.Uuid} 01234567 vm");

        Assert.Equal(MigrationErrorId.DomainBusy, Refusal().ErrorId);
    }

    /// <summary>Whichever call fails while a dead tool's domain is mended, the domain runs, or the next tool mends it.</summary>
    [Theory]
    [MemberData(nameof(Faults))]
    public void Whatever_call_fails_while_it_is_mended_the_next_tool_gets_it_running(SourceMark mark, bool isSuspended, bool afterwards) =>
        EachCall.Fails(
            afterwards,
            least: 5,
            xen =>
            {
                FakeDomain domain = xen.Add("vm");
                if (mark == SourceMark.Stopped)
                {
                    Stop(xen, domain, isSuspended);
                }

                string path = SourceMarker.PathOf(domain.DomId);
                xen.Write(path, $"{mark} {default(OwnerProcess)} {domain.Uuid}");
                return (Xen: xen, Domain: domain, Path: path);
            },
            world => new FakeSource(world.Xen, world.Domain).Open(),
            (world, failed, error) =>
            {
                if (error is not null)
                {
                    // This tool dies with its error, and another one comes.
                    if (world.Xen.Read(world.Path) is { } left)
                    {
                        world.Xen.Write(
                            world.Path, left.Replace(OwnerProcess.Current.ToString(), default(OwnerProcess).ToString(), StringComparison.Ordinal));
                    }

                    new FakeSource(world.Xen, world.Domain).Open();
                }

                Assert.True(world.Domain.Runs, $"{failed} failed: {error}");
            });

    public static MatrixTheoryData<SourceMark, bool, bool> Faults => new([SourceMark.Running, SourceMark.Stopped], [false, true], [false, true]);

    private MigrationException Refusal() => Assert.ThrowsAny<MigrationException>(() => _source.Open());

    private void Leave(SourceMark mark) => _xen.Write(MarkPath, $"{mark} {default(OwnerProcess)} {_domain.Uuid}");

    private void Stop(bool isSuspended) => Stop(_xen, _domain, isSuspended);

    private static void Stop(FakeXen xen, FakeDomain domain, bool isSuspended)
    {
        if (isSuspended)
        {
            xen.Shutdown(domain, XenDomainInfo.ReasonSuspend);
        }
        else
        {
            domain.Pauses = 1;
        }
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Processes;
using PreRecordMigration.Recording;
using PreRecordMigration.Tests.Xen.Hvm;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Life;

namespace PreRecordMigration.Tests.Xen.Life;

public class XenSourceDomainTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);

    public enum Act
    {
        Suspend,
        Pause,
        ResumeSuspended,
        ResumePaused,
        Destroy,
    }

    public static MatrixTheoryData<Act, bool> Acts => new(Enum.GetValues<Act>(), [false, true]);

    /// <summary>A call that failed is made again, whether it took effect or not.</summary>
    [Theory]
    [MemberData(nameof(Acts))]
    public void What_failed_can_be_made_again(Act act, bool afterwards) => EachCall.Fails(
        afterwards,
        least: 1,
        xen =>
        {
            FakeDomain domain = xen.Add("vm");
            XenSourceDomain open = new FakeSource(xen, domain).Open();
            if (act == Act.ResumeSuspended)
            {
                open.Suspend(s_long, TestContext.Current.CancellationToken);
            }
            else if (act == Act.ResumePaused)
            {
                open.Pause();
            }

            return (Xen: xen, Domain: domain, Open: open);
        },
        world => Do(act, world.Open),
        (world, _, _) =>
        {
            using XenSourceDomain open = world.Open;
            Do(act, open);
            switch (act)
            {
                case Act.Suspend:
                    Assert.NotNull(world.Domain.ShutdownReason);
                    break;
                case Act.Pause:
                    Assert.Equal(1, world.Domain.Pauses);
                    break;
                case Act.Destroy:
                    Assert.Empty(world.Xen.Domains);
                    break;
                default:
                    Assert.True(world.Domain.Runs);
                    Assert.False(world.Domain.IsStoppedForStore);
                    break;
            }
        });

    [Fact]
    public void Suspending_what_is_suspended_and_resuming_what_runs_change_nothing()
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        using XenSourceDomain open = new FakeSource(xen, domain).Open();

        open.Resume();
        Assert.True(domain.Runs);
        open.Suspend(s_long, TestContext.Current.CancellationToken);
        open.Suspend(TimeSpan.Zero, TestContext.Current.CancellationToken);
        open.Pause();
        open.Pause();
        open.Resume();

        Assert.True(domain.Runs);
    }

    [Fact]
    public void Marks_are_written_and_taken_away_by_who_asks_and_by_no_act()
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        using XenSourceDomain open = new FakeSource(xen, domain).Open();

        open.Mark(SourceMark.Leaving);
        open.Suspend(s_long, TestContext.Current.CancellationToken);
        open.Resume();
        open.Pause();
        open.Resume();

        Assert.Equal([$"{SourceMarker.PathOf(domain.DomId)}=Leaving {OwnerProcess.Current} {domain.Uuid}"], xen.Notes);
        open.Mark(null);
        Assert.Empty(xen.Notes);
    }

    [Fact]
    public void Traps_that_cannot_be_removed_keep_the_domain_as_it_is_until_they_can()
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        FakeSource source = new(xen, domain);
        using XenSourceDomain open = source.Open();
        open.Suspend(s_long, TestContext.Current.CancellationToken);
        source.FailsAt = nameof(FakeSource.EndCapture);
        Assert.Throws<MigrationException>(open.Resume);
        Assert.False(domain.Runs);

        source.FailsAt = null;
        open.Resume();

        Assert.True(domain.Runs);
    }

    [Fact]
    public void What_holds_a_remnant_and_does_not_let_go_keeps_no_domain_alive()
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        FakeSource source = new(xen, domain) { FailsAt = nameof(FakeSource.EndWithDomain) };
        using XenSourceDomain open = source.Open();

        Assert.Throws<MigrationException>(open.Destroy);
        Assert.Empty(xen.Domains);

        source.FailsAt = null;
        open.Destroy();
    }

    [Fact]
    public void An_emulator_that_does_not_stop_undoes_the_suspension()
    {
        using FakeQemu qemu = new(command => command == "stop" ? """{"error": {"class": "GenericError", "desc": "no"}}""" : FakeQemu.Done);
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        DomainEmulator emulator = new(qemu.SocketPath, qemu.StateFile, () => [], s_long, "vm");
        using XenSourceDomain open = new FakeSource(xen, domain) { Emulator = emulator }.Open();

        Assert.ThrowsAny<MigrationException>(() => open.Suspend(s_long, TestContext.Current.CancellationToken));

        Assert.True(domain.Runs);
        Assert.Equal("cont", qemu.Commands[^1].Split(' ')[0]);
    }

    public static MatrixTheoryData<string, bool> Questions => new(
        ["GetPopulatedPages", "Describe", "Read", "Write", "UntrackedPages", "BeginEpoch", "Drain", "StartDirtyTracking", "Collect"],
        [false, true]);

    /// <summary>A guest may shut down or reboot while it is recorded or copied; each call would then fail in a way of its own.</summary>
    [Theory]
    [MemberData(nameof(Questions))]
    public void Whatever_is_asked_of_a_domain_that_is_gone_the_answer_is_that_it_is_gone(string question, bool hasRebooted)
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add("vm");
        using XenSourceDomain open = new FakeSource(xen, domain).Open();
        IAccessRecorder recorder = open.StartRecording(null);
        IDirtyTracker tracker = open.StartDirtyTracking();
        Action ask = question switch
        {
            "GetPopulatedPages" => () => open.GetPopulatedPages(),
            "Describe" => () => open.Describe(),
            "Read" => () => open.Memory.Read([1], new byte[Page.Size]),
            "Write" => () => open.Memory.Write([1], new byte[Page.Size]),
            "UntrackedPages" => () => _ = recorder.UntrackedPages,
            "BeginEpoch" => recorder.BeginEpoch,
            "Drain" => () => recorder.Drain(new AccessRecord[1]),
            "StartDirtyTracking" => () => open.StartDirtyTracking(),
            _ => () => tracker.Collect(new PageBitmap(64)),
        };
        ask();
        xen.Remove(domain);
        if (hasRebooted)
        {
            xen.Add("vm", domain.Uuid);
        }

        MigrationException error = Assert.Throws<MigrationException>(ask);

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains(hasRebooted ? "vm has rebooted" : "vm (domain 1) is gone", error.Message, StringComparison.Ordinal);

        // The traps went with the domain, so nothing fails because they cannot be removed.
        recorder.Dispose();
        tracker.Dispose();
    }

    private static void Do(Act act, XenSourceDomain open)
    {
        switch (act)
        {
            case Act.Suspend:
                open.Suspend(s_long, TestContext.Current.CancellationToken);
                break;
            case Act.Pause:
                open.Pause();
                break;
            case Act.Destroy:
                open.Destroy();
                break;
            default:
                open.Resume();
                break;
        }
    }
}

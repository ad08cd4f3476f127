using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

public class XenIncomingDomainTests
{
    private const string Uuid = "6b1c1f4e00004000800000000000000a";
    private readonly FakeXen _xen = new();
    private readonly FakeArrival _arrival;

    public XenIncomingDomainTests() => _arrival = new FakeArrival(_xen, Uuid);

    public enum Act
    {
        Unpause,
        Pause,
        Complete,
        Destroy,
    }

    public static MatrixTheoryData<Act, bool> Acts => new(Enum.GetValues<Act>(), [false, true]);

    internal static CoreState Core => new([], [], new PageSet([], []), 0);

    private FakeDomain Domain => _xen.Domains.Single(domain => _xen.NameOf(domain)!.StartsWith("vm", StringComparison.Ordinal) && domain.Uuid == Uuid);

    /// <summary>A call that failed is made again, whether it took effect or not.</summary>
    [Theory]
    [MemberData(nameof(Acts))]
    public void What_failed_can_be_made_again(Act act, bool afterwards) => EachCall.Fails(
        afterwards,
        least: 1,
        xen =>
        {
            XenIncomingDomain made = new FakeArrival(xen, Uuid) { Limit = 32 }.Create();
            made.Restore(Core, TestContext.Current.CancellationToken);
            if (act is Act.Pause or Act.Complete)
            {
                made.Unpause();
            }

            return (Xen: xen, Domain: xen.Domains.Single(), Made: made);
        },
        world => Do(act, world.Made),
        (world, _, _) =>
        {
            using XenIncomingDomain made = world.Made;
            Do(act, made);
            switch (act)
            {
                case Act.Destroy:
                    Assert.Empty(world.Xen.Domains);
                    break;
                case Act.Complete:
                    Assert.Equal("vm", world.Xen.NameOf(world.Domain));
                    Assert.Equal(32ul, world.Domain.MaxPages);
                    break;
                default:
                    Assert.Equal(act == Act.Pause ? 1 : 0, world.Domain.Pauses);
                    break;
            }
        });

    [Fact]
    public void Whether_it_has_run_is_what_xen_says()
    {
        using XenIncomingDomain made = Restored();
        Assert.False(made.HasRun);

        made.Unpause();
        made.Pause();

        Assert.True(made.HasRun);
        _xen.Remove(Domain);
        Assert.Throws<MigrationException>(() => made.HasRun);
    }

    [Fact]
    public void Unpausing_took_effect_and_failed_so_it_has_run()
    {
        using XenIncomingDomain made = Restored();
        for (int index = 0; _xen.Failed != nameof(IDomainControl.Unpause); index++)
        {
            _xen.FailAt(index, afterwards: true);
            Assert.NotNull(Record.Exception(made.Unpause));
        }

        Assert.True(made.HasRun);
    }

    [Fact]
    public void It_runs_after_it_was_restored_and_is_restored_once()
    {
        using XenIncomingDomain made = _arrival.Create();
        Assert.Throws<InvalidOperationException>(made.Unpause);
        made.Restore(Core, TestContext.Current.CancellationToken);

        Assert.Throws<InvalidOperationException>(() => made.Restore(Core, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Destroyed_before_its_restoration_nothing_is_left_and_its_mark_is_custodys()
    {
        using XenIncomingDomain made = _arrival.Create();

        made.Destroy();
        made.Destroy();

        Assert.Empty(_xen.Domains);
        Assert.Single(_xen.Notes);
        made.Mark(null);
        Assert.Empty(_xen.Notes);
    }

    [Fact]
    public void Freeing_the_handle_leaves_a_restored_domain_as_it_is()
    {
        XenIncomingDomain made = Restored();
        made.Mark(IncomingMark.Started);
        made.Unpause();

        made.Dispose();

        Assert.True(Domain.Runs);
        Assert.Contains("=Started", Assert.Single(_xen.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void The_name_is_taken_while_it_moves_and_the_error_says_how_to_mend_it()
    {
        using XenIncomingDomain made = Restored();
        made.Unpause();
        FakeDomain other = _xen.Add("vm");

        MigrationException error = Assert.Throws<MigrationException>(made.Complete);

        Assert.Equal(MigrationErrorId.DomainExists, error.ErrorId);
        Assert.Contains($"xl rename {_xen.NameOf(Domain)} vm", error.Remedy, StringComparison.Ordinal);
        Assert.True(Domain.Runs);
        _xen.Remove(other);
        made.Complete();
        Assert.Equal("vm", _xen.NameOf(Domain));
    }

    [Fact]
    public void Its_own_source_on_the_same_host_is_waited_for()
    {
        FakeDomain source = _xen.Add("vm", Uuid);
        _xen.Write($"/prerecord/source/{source.DomId}", $"Running {OwnerProcess.Current} {Uuid}");
        using XenIncomingDomain made = _arrival.Create();
        made.Restore(Core, TestContext.Current.CancellationToken);
        made.Unpause();
        int renames = 0;
        _xen.AfterCall = call =>
        {
            // The fake does not report a failed rename, but it reports the look for the name's bearer that follows.
            if (call == nameof(IDomainControl.ListDomains) && ++renames == 2)
            {
                _xen.Remove(source);
            }
        };

        made.Complete();

        Assert.Equal("vm", _xen.NameOf(Assert.Single(_xen.Domains)));
    }

    [Fact]
    public void A_number_that_is_another_domains_by_now_is_not_destroyed()
    {
        using XenIncomingDomain made = Restored();
        int domid = made.Info.Id;
        _xen.Remove(Domain);
        FakeDomain other = _xen.Add("innocent", domid: domid);

        made.Destroy();

        Assert.Same(other, Assert.Single(_xen.Domains));
        Assert.Equal(DomainState.Dying, made.Info.State);
    }

    /// <summary>A guest may shut down while pages of it are missing.</summary>
    [Theory]
    [InlineData("TakeAway")]
    [InlineData("WaitFault")]
    [InlineData("Place")]
    [InlineData("Disable")]
    public void Whatever_is_asked_of_the_pages_of_a_domain_that_is_gone_the_answer_is_that_it_is_gone(string question)
    {
        using XenIncomingDomain made = _arrival.Create();
        IRemotePaging paging = made.EnableRemotePF();
        Action ask = question switch
        {
            "TakeAway" => () => paging.TakeAway(new PageBitmap(2)),
            "WaitFault" => () => paging.WaitFault(new PageFault[1], TimeSpan.Zero, TestContext.Current.CancellationToken),
            "Place" => () => paging.Place([1], new byte[Page.Size]),
            _ => paging.Disable,
        };
        ask();
        string name = _xen.NameOf(Domain)!;
        _xen.Remove(Domain);

        MigrationException error = Assert.Throws<MigrationException>(ask);

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains($"{name} (domain {made.Info.Id}) is gone", error.Message, StringComparison.Ordinal);
        paging.Dispose();
    }

    private XenIncomingDomain Restored()
    {
        XenIncomingDomain made = _arrival.Create();
        made.Restore(Core, TestContext.Current.CancellationToken);
        return made;
    }

    private static void Do(Act act, XenIncomingDomain made)
    {
        switch (act)
        {
            case Act.Unpause:
                made.Unpause();
                break;
            case Act.Pause:
                made.Pause();
                break;
            case Act.Complete:
                made.Complete();
                break;
            default:
                made.Destroy();
                break;
        }
    }
}

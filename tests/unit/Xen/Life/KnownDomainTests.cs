using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

public class KnownDomainTests
{

    public enum Act
    {
        Pause,
        Unpause,
        WakePaused,
        WakeSuspended,
        Destroy,
    }

    public static MatrixTheoryData<Act, bool> Acts => new(Enum.GetValues<Act>(), [false, true]);

    /// <summary>A call that failed, whether it took effect or not, is made again, and then the domain is in the state that was asked for:
    /// never paused twice, never half awake.</summary>
    [Theory]
    [MemberData(nameof(Acts))]
    public void A_call_that_failed_can_be_made_again(Act act, bool afterwards) => EachCall.Fails(
        afterwards,
        least: 1,
        xen =>
        {
            FakeDomain fake = xen.Add("vm");
            fake.Pauses = act is Act.Unpause or Act.WakePaused ? 1 : 0;
            if (act == Act.WakeSuspended)
            {
                xen.Shutdown(fake, XenDomainInfo.ReasonSuspend);
            }

            return (Xen: xen, Fake: fake, Domain: Known(xen, fake));
        },
        world => Do(act, world.Domain),
        (world, _, _) =>
        {
            Do(act, world.Domain);
            if (act == Act.Destroy)
            {
                Assert.Null(world.Domain.Find());
                Assert.Empty(world.Xen.Domains);
            }
            else
            {
                Assert.Equal(act == Act.Pause ? 1 : 0, world.Fake.Pauses);
                Assert.Equal(act != Act.Pause, world.Fake.Runs);
                Assert.False(world.Fake.IsStoppedForStore);
            }
        });

    [Fact]
    public void Destroying_what_is_gone_is_no_error()
    {
        FakeXen xen = new();
        FakeDomain fake = xen.Add("vm");
        KnownDomain domain = Known(xen, fake);
        xen.Remove(fake);

        domain.Destroy();
    }

    [Fact]
    public void A_number_that_is_another_domains_by_now_is_left_alone()
    {
        FakeXen xen = new();
        FakeDomain fake = xen.Add("vm");
        KnownDomain domain = Known(xen, fake);
        xen.Remove(fake);
        FakeDomain other = xen.Add("other", domid: fake.DomId);

        domain.Destroy();
        Assert.Equal(MigrationErrorId.DomainChanged, Assert.Throws<MigrationException>(domain.Pause).ErrorId);

        Assert.True(other.Runs);
        Assert.Contains(other, xen.Domains);
    }

    [Fact]
    public void A_domain_that_has_rebooted_is_named_with_its_new_number()
    {
        FakeXen xen = new();
        FakeDomain fake = xen.Add("vm");
        KnownDomain domain = Known(xen, fake);
        xen.Remove(fake);
        FakeDomain reborn = xen.Add("vm", fake.Uuid);

        MigrationException error = Assert.Throws<MigrationException>(() => domain.Require());

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains($"is domain {reborn.DomId} now", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_domain_that_is_still_there_after_its_destruction_is_said()
    {
        FakeXen xen = new();
        FakeDomain fake = xen.Add("vm");
        KnownDomain domain = Known(xen, fake);
        xen.AfterCall = call =>
        {
            if (call == nameof(IDomainControl.Destroy))
            {
                xen.Add("vm", fake.Uuid, fake.DomId);
            }
        };

        Assert.Equal(MigrationErrorId.HypervisorCall, Assert.Throws<MigrationException>(domain.Destroy).ErrorId);
    }

    [Fact]
    public void Every_step_of_a_cleanup_is_taken_and_every_error_told()
    {
        List<int> steps = [];

        MigrationException error = Assert.Throws<MigrationException>(() => CleanUp.All(
            () => Fail(1),
            () => steps.Add(2),
            () => Fail(3)));

        Assert.Equal([1, 2, 3], steps);
        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains("step 3", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, Assert.IsType<AggregateException>(error.InnerException).InnerExceptions.Count);

        void Fail(int step)
        {
            steps.Add(step);
            throw new MigrationException(MigrationErrorId.DomainState, $"step {step}", "none");
        }
    }

    internal static KnownDomain Known(FakeXen xen, FakeDomain domain) => new(xen.Connect(), domain.DomId, domain.Uuid, "vm");

    private static void Do(Act act, KnownDomain domain)
    {
        switch (act)
        {
            case Act.Pause:
                domain.Pause();
                break;
            case Act.Unpause:
                domain.Unpause();
                break;
            case Act.Destroy:
                domain.Destroy();
                break;
            default:
                domain.Wake();
                break;
        }
    }
}

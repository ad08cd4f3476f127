using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Simulated;

public sealed class SimulatedHostTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;
    private static readonly SimulatedDomainOptions s_options = TestGuests.Options(GuestWorkloadKind.HotSet);

    [Fact]
    public void Unknown_and_busy_domains_are_refused()
    {
        using SimulatedHost host = new("host");
        AssertError(MigrationErrorId.DomainNotFound, () => host.OpenSource("nobody"));
        host.CreateDomain(s_options);
        AssertError(MigrationErrorId.DomainExists, () => host.CreateDomain(s_options));
        using (host.OpenSource("guest"))
        {
            AssertError(MigrationErrorId.DomainBusy, () => host.OpenSource("guest"));
        }

        host.OpenSource("guest").Dispose();
        Assert.Equal(DomainState.Running, host.GetDomain("guest").State);
    }

    [Fact]
    public void An_incoming_domain_needs_room_and_its_name()
    {
        using SimulatedHost left = new("left");
        using SimulatedHost small = new("small", new SimulatedHostOptions { MemoryBytes = 1 << 20 });
        using SimulatedHost taken = new("taken");
        left.CreateDomain(s_options);
        taken.CreateDomain(s_options);
        using ISourceDomain source = left.OpenSource("guest");
        AssertError(MigrationErrorId.OutOfMemory, () => small.CreateIncoming(source.Describe(), s_cancel));
        AssertError(MigrationErrorId.DomainExists, () => taken.CreateIncoming(source.Describe(), s_cancel));
        Assert.Empty(small.GetDomains());
        using (IIncomingDomain incoming = left.CreateIncoming(source.Describe(), s_cancel))
        {
            Assert.Equal("guest--incoming", incoming.Info.Name);
            Assert.Equal(DomainState.Paused, incoming.Info.State);
            AssertError(MigrationErrorId.DomainExists, () => left.CreateIncoming(source.Describe(), s_cancel));
            AssertError(MigrationErrorId.DomainBusy, () => left.OpenSource("guest--incoming"));
            incoming.Destroy();
        }

        Assert.Equal("guest", Assert.Single(left.GetDomains()).Name);
    }

    [Fact]
    public void A_second_runnable_copy_is_reported_by_both_hosts()
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        left.CreateDomain(s_options);
        using ISourceDomain source = left.OpenSource("guest");
        using IIncomingDomain incoming = right.CreateIncoming(source.Describe(), s_cancel);
        source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
        incoming.Restore(source.CaptureCoreState(source.GetPopulatedPages()), s_cancel);
        incoming.Unpause();
        Assert.Empty(left.Violations);
        source.Resume();
        Assert.Single(left.Violations);
        Assert.Single(right.Violations);
    }

    [Fact]
    public void A_host_without_a_capability_says_so_and_refuses()
    {
        using SimulatedHost host = new("bare", new SimulatedHostOptions
        {
            SupportsRemotePF = false,
            SupportsRecording = false,
            SupportsDirtyTracking = false,
            SupportsOutputIsolation = false,
            SupportsRollback = false,
            MaximumVcpus = 1,
        });
        foreach (Capability item in host.GetCapabilities().Items.Where(item => item.Kind is not (MigrationCapability.Control or MigrationCapability.Receiver)))
        {
            Assert.False(item.IsAvailable);
            Assert.NotEmpty(item.Remedy);
        }

        host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        AssertError(MigrationErrorId.NotSupported, () => source.StartRecording(null));
        AssertError(MigrationErrorId.NotSupported, () => source.StartDirtyTracking());
        AssertError(MigrationErrorId.OutputNotIsolable, () => source.PlugOutputs(OutputLimits.Default));
        using IIncomingDomain incoming = host.CreateIncoming(source.Describe(), s_cancel);
        AssertError(MigrationErrorId.NotSupported, () => incoming.EnableRemotePF());
        host.CreateDomain(s_options with { Name = "two", VcpuCount = 2 });
        AssertError(MigrationErrorId.NotSupported, () => host.OpenSource("two"));
    }

    [Fact]
    public void A_guest_that_refuses_to_suspend_runs_on()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options with { RefusesSuspend = true });
        using ISourceDomain source = host.OpenSource("guest");
        AssertError(MigrationErrorId.SuspendTimeout, () => source.Suspend(TimeSpan.FromSeconds(10), s_cancel));
        source.RunFor(TimeSpan.FromMilliseconds(1), s_cancel);
        Assert.Equal(200, domain.Operations[0]);
    }

    [Fact]
    public void The_plug_holds_releases_and_drops()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        domain.RunOperations(200, s_cancel);
        Assert.Equal([1L, 2], host.Outputs.Select(output => output.Number));
        IOutputPlug plug = source.PlugOutputs(OutputLimits.Default);
        plug.Prepare();
        plug.Hold();
        domain.RunOperations(300, s_cancel);
        Assert.Equal(6, plug.HeldCount);
        Assert.Equal(2, host.Outputs.Count);
        Assert.Equal([1L, 2], domain.Disk.Content.Values.Order());
        AssertError(MigrationErrorId.DomainState, () => source.PlugOutputs(OutputLimits.Default));
        plug.Release();
        Assert.Equal([1L, 2, 3, 4, 5], host.Outputs.Select(output => output.Number));
        Assert.Equal([1L, 2, 3, 4, 5], domain.Disk.Content.Values.Order());

        plug = source.PlugOutputs(OutputLimits.Default);
        plug.Hold();
        domain.RunOperations(100, s_cancel);
        plug.Drop();
        Assert.Equal([1L, 2, 3, 4, 5], domain.Disk.Content.Values.Order());

        // What was dropped was dropped: the guest that goes on all the same does what comes next.
        domain.RunOperations(100, s_cancel);
        Assert.Equal([1L, 2, 3, 4, 5, 7], host.Outputs.Select(output => output.Number));
    }

    [Fact]
    public void An_injected_failure_comes_at_its_call_and_once()
    {
        using SimulatedHost host = new("host");
        host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        byte[] page = new byte[Page.Size];
        host.Faults.Fail(SimulatedCall.Read, 2);
        source.Memory.Read([0], page);
        AssertError(MigrationErrorId.HypervisorCall, () => source.Memory.Read([0], page));
        source.Memory.Read([0], page);
        Assert.Equal(3, host.Faults.CountOf(SimulatedCall.Read));
    }

    [Fact]
    public void Cancelling_a_run_leaves_the_guest_at_an_operations_boundary()
    {
        using SimulatedHost host = new("host");
        SimulatedDomain domain = host.CreateDomain(s_options);
        using ISourceDomain source = host.OpenSource("guest");
        using CancellationTokenSource cancel = new();
        Task run = Task.Run(() => source.RunFor(TimeSpan.FromDays(1), cancel.Token), s_cancel);
        domain.WaitForOperations(100, s_cancel);
        cancel.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => run.GetAwaiter().GetResult());
        long stopped = domain.Operations[0];
        domain.RunOperations(10, s_cancel);
        Assert.Equal(stopped + 10, domain.Operations[0]);
    }

    [Fact]
    public void Garbage_as_a_configuration_is_a_clear_refusal()
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        left.CreateDomain(TestGuests.Options(GuestWorkloadKind.Replay));
        using ISourceDomain source = left.OpenSource("guest");
        DomainDescription description = source.Describe();
        byte[] configuration = description.Configuration.ToArray();
        for (int length = 0; length < 140; length++)
        {
            AssertRefused(configuration[..length]);
        }

        Random random = new(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] bent = [.. configuration];
            random.NextBytes(bent.AsSpan(20, 100));
            AssertRefused(bent);
        }

        AssertError(MigrationErrorId.ProtocolViolation, () => right.CreateIncoming(description with { PageCount = 1 }, s_cancel));
        AssertError(MigrationErrorId.NotSupported, () => right.CreateIncoming(description with { Kind = DomainKind.Pvh }, s_cancel));
        Assert.Empty(right.GetDomains());

        void AssertRefused(byte[] bytes) => AssertError(
            MigrationErrorId.ProtocolViolation,
            () => right.CreateIncoming(description with { Configuration = bytes }, s_cancel));
    }

    [Fact]
    public void A_core_state_that_does_not_fit_is_a_clear_refusal()
    {
        using SimulatedHost left = new("left");
        using SimulatedHost right = new("right");
        left.CreateDomain(s_options);
        using ISourceDomain source = left.OpenSource("guest");
        source.Suspend(TimeSpan.FromSeconds(10), s_cancel);
        CoreState core = source.CaptureCoreState(source.GetPopulatedPages());
        CoreState[] wrong =
        [
            core with { Vcpus = [] },
            core with { Sections = [] },
            core with { Sections = [core.Sections[0], core.Sections[0]] },
            core with { Sections = [core.Sections[0], new CoreStateSection(CoreStateKind.HypervisorParameters, new byte[3])] },
            core with { Sections = [core.Sections[0], new CoreStateSection(CoreStateKind.HypervisorParameters, new byte[] { 255, 255, 255, 255 })] },
            core with { Pages = PageSet.Empty },
            core with { Pages = new PageSet([.. core.Pages.Pfns, int.MaxValue], new byte[2 * Page.Size]) },
        ];
        foreach (CoreState each in wrong)
        {
            using IIncomingDomain incoming = right.CreateIncoming(source.Describe(), s_cancel);
            AssertError(MigrationErrorId.ProtocolViolation, () => incoming.Restore(each, s_cancel));
            AssertError(MigrationErrorId.DomainState, incoming.Unpause);
            incoming.Destroy();
        }

        Assert.Empty(right.GetDomains());
    }

    private static void AssertError(MigrationErrorId id, Action action) =>
        Assert.Equal(id, Assert.Throws<MigrationException>(action).ErrorId);
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What a migration has of the receiver's memory is given back, whatever else fails when it ends.</summary>
public sealed class GivenBackTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Where_a_domain_s_handles_cannot_be_freed()
    {
        await using MigrationFixture fixture = new(wrap: host => new UnfreeableHost(host));
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.Contains(UnfreeableHost.Reason, incoming.AfterwardsError!.Message, StringComparison.Ordinal);
        fixture.CheckNothingKept();
    }

    [Theory]
    [InlineData(SimulatedCall.MarkIncoming)]
    [InlineData(null)]
    public async Task Where_a_domain_is_given_up_and_the_rest_fails(SimulatedCall? failing)
    {
        await using MigrationFixture fixture = new(wrap: host => new UnfreeableHost(host));
        await InterruptAsync(fixture);
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        if (failing is { } call)
        {
            fixture.Destination.Faults.Fail(call);
        }

        Assert.NotNull(Xunit.Record.Exception(incoming.GiveUp));
        Assert.Empty(fixture.Destination.GetDomains());
        fixture.CheckNothingKept();
    }

    [Fact]
    public async Task Where_a_domain_never_ran_and_what_notes_that_it_is_gone_fails_as_its_source_comes_back()
    {
        await using MigrationFixture fixture = new();

        // It could not be started, nor destroyed, and its source does not hear of it.
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Receiver.Incoming.Single().Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        for (int i = 1; i <= 3; i++)
        {
            fixture.Destination.Faults.Fail(SimulatedCall.DestroyIncoming, i);
        }

        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.True(incoming.IsUndestroyed);
        fixture.Destination.Faults.Fail(SimulatedCall.MarkIncoming);
        interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        await incoming.Ended;
        fixture.CheckNothingKept();

        // It is gone, and the source hears so when it comes again.
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel));
        Assert.Contains("runs on here", error.Message, StringComparison.Ordinal);
        fixture.CheckRunsOnAtSource();
    }

    [Fact]
    public async Task Where_whoever_is_told_of_its_states_throws()
    {
        await using MigrationFixture fixture = new();
        using IDisposable watching = fixture.Receiver.Watch((_, step) =>
        {
            if (step.Kind == MigrationTraceKind.State)
            {
                throw new InvalidOperationException("Nobody listens any more.");
            }
        });
        await Xunit.Record.ExceptionAsync(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        if (incoming.IsUndecided)
        {
            incoming.GiveUp();
        }

        fixture.CheckNothingKept();
        fixture.CheckNeverTwice();
    }

    private static async Task<MigrationInterruptedException> InterruptAsync(MigrationFixture fixture)
    {
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        return interrupted;
    }

    /// <summary>A host of which no incoming domain's handles can be freed.</summary>
    private sealed class UnfreeableHost(IMigrationHost host) : ForwardingHost(host)
    {
        public const string Reason = "The handles could not be freed.";

        public override IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken) =>
            new Unfreeable(base.CreateIncoming(description, cancellationToken));

        private sealed class Unfreeable(IIncomingDomain domain) : Incoming(domain)
        {
            public override void Dispose()
            {
                base.Dispose();
                throw new MigrationException(MigrationErrorId.HypervisorCall, Reason, "None.");
            }
        }
    }
}

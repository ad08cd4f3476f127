using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>The source's process is killed while its domain leaves. Whoever comes next is told where to look, and only the administrator's
/// word wakes the domain.</summary>
public sealed class LeftDomainTests
{
    [Fact]
    public async Task A_domain_that_never_ran_at_its_destination_is_taken_back_by_the_administrators_word()
    {
        await using MigrationFixture fixture = new();

        // The way is cut when the destination is about to start it, and the source's process is killed then.
        fixture.Destination.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Source.KillTool();
            fixture.Receiver.Incoming.Single().Disconnect();
            throw new MigrationException(MigrationErrorId.HypervisorCall, "It could not be started.", "None.");
        });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.Empty(fixture.Destination.GetDomains());
        MigrationException refusal = Assert.Throws<MigrationException>(() => fixture.Source.OpenSource(MigrationFixture.DomainName));
        Assert.Equal(MigrationErrorId.DomainState, refusal.ErrorId);
        Assert.Contains(fixture.Route.ToString(), refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Stop-Migration web01 -NeverRanThere -HostName xen1", refusal.Remedy, StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);

        MigrationSource.TakeBack(fixture.Source, MigrationFixture.DomainName);

        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task What_was_not_leaving_or_is_worked_on_is_not_taken_back()
    {
        await using MigrationFixture fixture = new();
        Assert.Equal(
            MigrationErrorId.DomainState,
            Assert.Throws<MigrationException>(() => MigrationSource.TakeBack(fixture.Source, MigrationFixture.DomainName)).ErrorId);
        using (fixture.Source.OpenSource(MigrationFixture.DomainName))
        {
            Assert.Equal(
                MigrationErrorId.DomainBusy,
                Assert.Throws<MigrationException>(() => MigrationSource.TakeBack(fixture.Source, MigrationFixture.DomainName)).ErrorId);
        }

        Assert.Equal(DomainState.Running, fixture.Domain.State);
    }

    [Fact]
    public async Task A_domain_is_not_woken_beside_a_copy_on_the_same_host_that_may_have_run()
    {
        await using MigrationFixture fixture = new();
        await using MigrationReceiver receiver = MigrationReceiver.Start(fixture.Source, new IPEndPoint(IPAddress.Loopback, 0));
        fixture.Source.Faults.After(SimulatedCall.Unpause, 1, () =>
        {
            fixture.Source.KillTool();
            receiver.Incoming.Single().Disconnect();
        });
        await Assert.ThrowsAnyAsync<Exception>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(receiver.Endpoint),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            TestContext.Current.CancellationToken));

        MigrationException refusal = Assert.Throws<MigrationException>(() => MigrationSource.TakeBack(fixture.Source, MigrationFixture.DomainName));

        Assert.Equal(MigrationErrorId.DomainState, refusal.ErrorId);
        Assert.Contains(MigrationFixture.DomainName + SimulatedHost.IncomingSuffix, refusal.Message, StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);
    }
}

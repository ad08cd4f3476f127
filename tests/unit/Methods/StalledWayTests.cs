using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A way that stalls without closing, after the commit: its end is the peer timeout, on both sides.</summary>
public sealed class StalledWayTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SimulatedCall.Unpause, 1)]
    [InlineData(SimulatedCall.Place, 3)]
    public async Task A_way_that_stalls_without_closing_ends_both_sides_within_the_peer_timeout_and_is_resumed(
        SimulatedCall call, int number)
    {
        await using MigrationFixture fixture = new();
        MigrationReceiver receiver = MigrationReceiver.Start(fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), PeerTimeout.Minimum);
        using Relay relay = new(receiver.Endpoint.Port);
        fixture.Destination.Faults.Before(call, number, relay.Stall);
        DomainWatch watch = new();
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PostCopy) with { PeerTimeout = PeerTimeout.Minimum, Watch = watch };
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(new IPEndPoint(IPAddress.Loopback, relay.Port)),
            options,
            null,
            s_cancel));
        Assert.Equal(MigrationErrorId.ConnectionLost, interrupted.ErrorId);

        // The source no longer knows whether the domain runs at the destination or waits there.
        Assert.Equal(DomainHolder.Leaving, watch.Holder);
        IncomingMigration incoming = Assert.Single(receiver.Incoming);
        await incoming.Ended;
        Assert.True(incoming.IsKept);
        Assert.Contains($"kept with what has arrived of it; {incoming.MissingPages} of its pages are missing", incoming.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(DomainState.Suspended, fixture.Domain.State);
        Assert.Equal(DomainState.Paused, Assert.Single(fixture.Destination.GetDomains()).State);

        await interrupted.Migration.ResumeAsync(Route.Loopback(receiver.Endpoint), null, s_cancel);
        await receiver.DisposeAsync();
        Assert.Equal(DomainHolder.Destination, watch.Holder);
        Assert.Empty(fixture.Source.GetDomains());
        fixture.CheckRunsOn(fixture.Destination.GetDomain(MigrationFixture.DomainName));
    }
}

using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Going back to the checkpoint on a host that cannot put a domain back in place: into a fresh domain, by a move.</summary>
public sealed class FreshRollBackTests : IAsyncDisposable
{
    private const string Name = MigrationFixture.DomainName;
    private readonly SimulatedHost _host = new("xen1", new SimulatedHostOptions { SupportsInPlaceRollback = false });
    private readonly MigrationReceiver _receiver;
    private readonly SimulatedDomain _domain;

    public FreshRollBackTests()
    {
        _receiver = MigrationReceiver.Start(_host, new IPEndPoint(IPAddress.Loopback, 0));
        _domain = _host.CreateDomain(MigrationFixture.Options());
    }

    [Fact]
    public async Task The_checkpoint_goes_into_a_fresh_domain_of_the_same_name_to_the_byte_and_the_other_is_destroyed()
    {
        _domain.RunOperations(3_000, TestContext.Current.CancellationToken);
        IReadOnlyList<long> atCheckpoint = _domain.Operations;
        PageBitmap populated = _domain.PopulatedPages;
        IGuestMemory expected = _domain.ReferenceMemory();
        PreRecordSession session = Record();
        Assert.False(session.CanRollBackInPlace);
        Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(session.RollBack).ErrorId);
        Assert.NotEqual(atCheckpoint, _domain.Operations);

        // The fresh domain is held before its first instruction, so that its beginning can be compared.
        IReadOnlyList<long>? begun = null;
        int difference = int.MinValue;
        _host.Faults.Before(SimulatedCall.Unpause, 1, () =>
        {
            SimulatedDomain fresh = _host.GetDomain(Name + SimulatedHost.IncomingSuffix);
            begun = fresh.Operations;
            difference = SimulatedReference.FirstDifference(populated, expected, fresh.Memory);
        });
        await MoveAsync(session, TestContext.Current.CancellationToken);
        Assert.Equal(atCheckpoint, begun);
        Assert.Equal(-1, difference);
        Assert.Equal(Name, Assert.Single(_host.GetDomains()).Name);
        Assert.Equal(DomainState.Dying, _domain.State);
        Assert.Empty(_host.Violations);
    }

    [Theory]
    [InlineData(SimulatedCall.CreateIncoming)]
    [InlineData(SimulatedCall.Restore)]
    [InlineData(SimulatedCall.Unpause)]
    public async Task Whatever_fails_before_the_commit_leaves_the_one_domain_running_where_it_is(SimulatedCall call)
    {
        PreRecordSession session = Record();
        _host.Faults.Fail(call, 1);
        await Assert.ThrowsAnyAsync<MigrationException>(() => MoveAsync(session, TestContext.Current.CancellationToken));
        Assert.Equal(Name, Assert.Single(_host.GetDomains()).Name);
        Assert.Equal(DomainState.Running, _domain.State);
        Assert.Empty(_host.Violations);
    }

    [Fact]
    public async Task Cancelling_before_the_commit_leaves_the_one_domain_running_where_it_is()
    {
        PreRecordSession session = Record();
        using CancellationTokenSource cancellation = new();
        _host.Faults.Before(SimulatedCall.Restore, 1, cancellation.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MoveAsync(session, cancellation.Token));
        Assert.Equal(Name, Assert.Single(_host.GetDomains()).Name);
        Assert.Equal(DomainState.Running, _domain.State);
    }

    public async ValueTask DisposeAsync()
    {
        await _receiver.DisposeAsync();
        foreach (IncomingMigration incoming in _receiver.Incoming)
        {
            incoming.Dispose();
        }

        _host.Dispose();
    }

    private PreRecordSession Record() => PreRecordSession.Record(
        _host.OpenSource(Name),
        MigrationFixture.Move(MigrationMethod.PreRecord),
        null,
        TestContext.Current.CancellationToken);

    private async Task MoveAsync(PreRecordSession session, CancellationToken cancellationToken)
    {
        try
        {
            await MigrationSource.MigrateAsync(
                session, Route.Loopback(_receiver.Endpoint), session.Options with { RemotePF = false }, null, cancellationToken);
        }
        finally
        {
            await Assert.Single(_receiver.Incoming).Ended;
        }
    }
}

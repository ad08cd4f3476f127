using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Two simulated hosts with a receiver between them, and what must hold of every migration.</summary>
internal sealed class MigrationFixture : IAsyncDisposable
{
    public const string DomainName = "web01";

    public MigrationFixture(
        SimulatedDomainOptions? options = null,
        SimulatedHostOptions? destination = null,
        (TlsIdentity Source, TlsIdentity Destination)? tls = null,
        TimeProvider? receiverClock = null,
        MemoryBudget? budget = null,
        TimeSpan? peerTimeout = null,
        Func<IMigrationHost, IMigrationHost>? wrap = null)
    {
        Source = new SimulatedHost("xen1");
        Destination = new SimulatedHost("xen2", destination);
        Receiver = MigrationReceiver.Start(
            wrap?.Invoke(Destination) ?? Destination, new IPEndPoint(IPAddress.Loopback, 0), tls?.Destination, receiverClock ?? TimeProvider.System, peerTimeout, budget: budget ?? new MemoryBudget(1L << 30));
        Route = tls is null ? Route.Loopback(Receiver.Endpoint) : Route.Tls(HostAddress.Parse("localhost"), Receiver.Endpoint.Port, tls.Value.Source);
        Domain = Source.CreateDomain(options ?? Options());
    }

    public SimulatedHost Source { get; }

    public SimulatedHost Destination { get; }

    public MigrationReceiver Receiver { get; }

    /// <summary>The source's way to the receiver.</summary>
    public Route Route { get; }

    public SimulatedDomain Domain { get; }

    /// <summary>A small domain that stops by itself, so that it can be compared with a reference to the byte.</summary>
    public static SimulatedDomainOptions Options() => new()
    {
        Name = DomainName,
        MemoryBytes = 12L << 20,
        Seed = 42,
        OperationsPerSecond = 50_000,
        IsPaced = false,
        StopAtOperations = 60_000,
        OutputInterval = 500,
    };

    public static MigrationOptions Move(MigrationMethod method, RecordingMode mode = RecordingMode.Rollback) => new()
    {
        Method = method,
        Mode = mode,
        Window = TimeSpan.FromMilliseconds(200),
        Epoch = TimeSpan.FromMilliseconds(50),
    };

    public Task<MigrationResult> MigrateAsync(MigrationOptions options) =>
        MigrateUntilAsync(options, TestContext.Current.CancellationToken);

    public Task<MigrationResult> MigrateUntilAsync(MigrationOptions options, CancellationToken cancellationToken) =>
        MigrationSource.MigrateAsync(Source.OpenSource(DomainName), Route, options, null, cancellationToken);

    /// <summary>The domain is wholly at the destination, and its memory is that of one that never moved.</summary>
    public async Task CheckMovedAsync()
    {
        IncomingMigration incoming = Assert.Single(Receiver.Incoming);
        await incoming.Ended;
        Assert.IsType<DestinationState.Finished>(incoming.State);
        Assert.Null(incoming.AfterwardsError);
        Assert.Empty(Source.GetDomains());
        SimulatedDomain moved = Destination.GetDomain(DomainName);
        Assert.Equal(DomainState.Running, moved.State);
        CheckRunsOn(moved);
        CheckOutputs();
        CheckNothingKept();
    }

    /// <summary>The domain runs at the source as if nothing had been, and nothing is left at the destination.</summary>
    public async Task CheckStayedAsync()
    {
        foreach (IncomingMigration incoming in Receiver.Incoming)
        {
            await incoming.Ended;
            Assert.IsType<DestinationState.Aborted>(incoming.State);
        }

        Assert.Empty(Destination.GetDomains());
        CheckRunsOnAtSource();
        CheckOutputs();
        Source.OpenSource(DomainName).Dispose();
        CheckNothingKept();
    }

    /// <summary>What was taken of the receiver's memory is given back; threads that turn connections away may still be on their way.</summary>
    public void CheckNothingKept()
    {
        SpinWait.SpinUntil(() => Receiver.Budget.Taken == 0, TimeSpan.FromSeconds(30));
        Assert.Equal(0, Receiver.Budget.Taken);
    }

    /// <summary>Drives the domain at the source to its end, and compares every byte.</summary>
    public void CheckRunsOnAtSource()
    {
        Assert.Equal(DomainState.Running, Domain.State);
        Domain.RunOperations(Domain.Options.StopAtOperations!.Value, CancellationToken.None);
        CheckRunsOn(Domain);
    }

    /// <summary>Lets the domain come to its end and compares every byte.</summary>
    public void CheckRunsOn(SimulatedDomain domain)
    {
        domain.WaitForOperations(domain.Options.StopAtOperations!.Value, CancellationToken.None);
        Assert.Equal(0, domain.CheckErrors);
        Assert.Equal(-1, SimulatedReference.FirstDifference(domain.PopulatedPages, domain.Memory, domain.ReferenceMemory()));
        CheckNeverTwice();
    }

    public void CheckNeverTwice()
    {
        Assert.Empty(Source.Violations);
        Assert.Empty(Destination.Violations);
    }

    public async ValueTask DisposeAsync()
    {
        await Receiver.DisposeAsync();
        foreach (IncomingMigration incoming in Receiver.Incoming)
        {
            Exception? error = Xunit.Record.Exception(incoming.Dispose);
            Assert.True(error is null || Destination.Tool > 0, $"{error}");
        }

        Source.Dispose();
        Destination.Dispose();
    }

    /// <summary>What the domain sent out, over both hosts: every message once and in order, whatever was rolled back.</summary>
    private void CheckOutputs()
    {
        foreach (IGrouping<int, SimulatedOutput> vcpu in Source.Outputs.Concat(Destination.Outputs).GroupBy(output => output.Vcpu))
        {
            long expected = vcpu.First().Number;
            Assert.InRange(expected, 0, 1);
            foreach (SimulatedOutput output in vcpu)
            {
                Assert.Equal(expected++, output.Number);
            }
        }
    }
}

using System.Runtime.CompilerServices;
using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What has ended lets go of its guest: neither memory nor what describes it stays with a handle that is kept.</summary>
public sealed class EndedMigrationTests
{
    public static TheoryData<MigrationMethod, RecordingMode> Methods => new()
    {
        { MigrationMethod.PreCopy, RecordingMode.Observe },
        { MigrationMethod.PostCopy, RecordingMode.Observe },
        { MigrationMethod.PreRecord, RecordingMode.Observe },
        { MigrationMethod.PreRecord, RecordingMode.Rollback },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task A_finished_migration_reaches_nothing_of_its_guest_at_either_side(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new();
        object result = await fixture.MigrateAsync(MigrationFixture.Move(method, mode));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.Equal(MigrationFixture.DomainName, incoming.DomainName);
        Assert.Equal(0, incoming.MissingPages);

        fixture.Destination.OpenSource(MigrationFixture.DomainName).Destroy();
        AssertHoldsNothing(fixture.Receiver);
        AssertHoldsNothing(incoming);
        AssertHoldsNothing(fixture.Source);
        AssertHoldsNothing(result);
    }

    [Fact]
    public async Task A_failed_migration_reaches_nothing_at_its_destination()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1, new MigrationException(MigrationErrorId.HypervisorCall, "Restore failed.", "Again."));
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.IsType<DestinationState.Aborted>(incoming.State);
        Assert.False(incoming.IsRemotePFEnabled);
        AssertHoldsNothing(fixture.Receiver);
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_interruption_keeps_the_guest_until_it_is_resumed_or_abandoned(bool isResumed)
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Place, 20, new MigrationException(MigrationErrorId.HypervisorCall, "Place failed.", "Again."));
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.NotNull(Reachable.PathTo(interrupted, IsOfGuest));
        Assert.NotNull(Reachable.PathTo(fixture.Receiver, IsOfGuest));

        if (isResumed)
        {
            await interrupted.Migration.ResumeAsync(fixture.Route, null, TestContext.Current.CancellationToken);
            await Assert.Single(fixture.Receiver.Incoming).Ended;
            fixture.Destination.OpenSource(MigrationFixture.DomainName).Destroy();
        }
        else
        {
            interrupted.Migration.GiveUp();
            incoming.GiveUp();
        }

        // The exception stays with whoever looks at the error later.
        Assert.Equal(MigrationFixture.DomainName, interrupted.Migration.Domain.Name);
        AssertHoldsNothing(interrupted);
        AssertHoldsNothing(fixture.Receiver);
        AssertHoldsNothing(fixture.Source);
    }

    [Fact]
    public async Task The_memory_of_a_moved_guest_is_collected()
    {
        await using MigrationFixture fixture = new(
            MigrationFixture.Options() with { Name = "passing" });
        (WeakReference source, WeakReference destination) = await MoveAndDestroyAsync(fixture);

        // After this the code runs without that method's frames below it, which would keep objects alive.
        await Task.Yield();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(destination.IsAlive);

        // The fixture still holds the source's domain; everything that was made for the migration is gone.
        Assert.NotNull(fixture.Receiver);
        Assert.Same(fixture.Domain.Memory, source.Target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<(WeakReference Source, WeakReference Destination)> MoveAndDestroyAsync(MigrationFixture fixture)
    {
        await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource("passing"), fixture.Route, MigrationFixture.Move(MigrationMethod.PreRecord), null,
            TestContext.Current.CancellationToken);
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        WeakReference moved = new(fixture.Destination.GetDomain("passing").Memory);
        fixture.Destination.OpenSource("passing").Destroy();
        return (new WeakReference(fixture.Domain.Memory), moved);
    }

    private static void AssertHoldsNothing(object root) => Assert.True(Reachable.PathTo(root, IsOfGuest) is null, Reachable.PathTo(root, IsOfGuest));

    private static bool IsOfGuest(object item) => item is PageBackup or PageBitmap or PageSet or CoreState or SimulatedDomain or IGuestMemory
        or ISourceDomain or IIncomingDomain or PreRecordSession or byte[] { Length: >= Page.Size };
}

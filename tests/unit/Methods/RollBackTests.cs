using PreRecordMigration.Errors;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Going back to the checkpoint in place.</summary>
public sealed class RollBackTests
{
    [Theory]
    [InlineData(GuestWorkloadKind.HotSet, 1)]
    [InlineData(GuestWorkloadKind.ManyProcesses, 2)]
    public async Task A_domain_that_is_rolled_back_stands_at_its_checkpoint_to_the_byte_and_runs_on(GuestWorkloadKind workload, int vcpus)
    {
        await using MigrationFixture fixture = new(
            MigrationFixture.Options() with { Workload = workload, VcpuCount = vcpus, ProcessCount = 6 });
        fixture.Domain.RunOperations(3_000, TestContext.Current.CancellationToken);
        IReadOnlyList<long> atCheckpoint = fixture.Domain.Operations;
        PageBitmap populated = fixture.Domain.PopulatedPages;
        IGuestMemory expected = fixture.Domain.ReferenceMemory();
        PreRecordSession session = Record(fixture, RecordingMode.Rollback);
        Assert.True(session.Backups!.Count > 0);
        Assert.NotEqual(atCheckpoint, fixture.Domain.Operations);

        session.RollBack();
        Assert.Equal(atCheckpoint, fixture.Domain.Operations);
        Assert.Equal(-1, SimulatedReference.FirstDifference(populated, expected, fixture.Domain.Memory));
        Assert.DoesNotContain(fixture.Source.Outputs, output => output.Number * fixture.Domain.Options.OutputInterval > 3_000);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task What_only_observed_cannot_be_rolled_back_and_goes_on()
    {
        await using MigrationFixture fixture = new();
        using (PreRecordSession session = Record(fixture, RecordingMode.Observe))
        {
            Assert.Equal(MigrationErrorId.NotSupported, Assert.Throws<MigrationException>(session.RollBack).ErrorId);
        }

        await fixture.CheckStayedAsync();
    }

    private static PreRecordSession Record(MigrationFixture fixture, RecordingMode mode) => PreRecordSession.Record(
        fixture.Source.OpenSource(MigrationFixture.DomainName),
        MigrationFixture.Move(MigrationMethod.PreRecord, mode),
        null,
        TestContext.Current.CancellationToken);
}

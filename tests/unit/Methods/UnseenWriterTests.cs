using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Domains beside which something may write to memory without a trap, as a device emulator does.</summary>
public sealed class UnseenWriterTests
{
    [Theory]
    [InlineData(RollbackProofKind.None)]
    [InlineData(RollbackProofKind.Witness)]
    public async Task Their_rollback_is_proved_by_all_memory_even_where_less_was_asked_for(RollbackProofKind kind)
    {
        await using MigrationFixture fixture = new();
        using (PreRecordSession session = Record(fixture, kind, writesUnseen: false))
        {
            Assert.True(session.Proof is { IsProved: true, ChangedPages: > 0, Kind: RollbackProofKind.Full });
            Assert.Equal(fixture.Domain.PopulatedPages.Count, session.Proof.PagesCompared);
        }

        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(RollbackProofKind.None)]
    [InlineData(RollbackProofKind.Witness)]
    public async Task A_page_that_was_written_unseen_fails_the_recording_and_the_domain_runs_on(RollbackProofKind kind)
    {
        await using MigrationFixture fixture = new();
        MigrationException error = Assert.Throws<MigrationException>(() => Record(fixture, kind, writesUnseen: true));

        Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
        Assert.Equal(DomainState.Running, fixture.Domain.Info.State);
    }

    private static PreRecordSession Record(MigrationFixture fixture, RollbackProofKind kind, bool writesUnseen) => PreRecordSession.Record(
        new Emulated(fixture.Source.OpenSource(MigrationFixture.DomainName), writesUnseen),
        MigrationFixture.Move(MigrationMethod.PreRecord, RecordingMode.Rollback) with { RollbackProof = kind },
        null,
        TestContext.Current.CancellationToken);

    /// <summary>A domain with a writer beside it, which changes one page in each epoch, or none.</summary>
    private sealed class Emulated(ISourceDomain inner, bool writesUnseen) : ForwardingSource(inner)
    {
        public override bool HasUnseenWriters => true;

        public override void RunFor(TimeSpan duration, CancellationToken cancellationToken)
        {
            base.RunFor(duration, cancellationToken);
            if (writesUnseen)
            {
                // The writer changes the last page: the guests work far below it, so nothing else backs that page up.
                WriteUnseen(GetPopulatedPages().Pfns().Last());
            }
        }
    }
}

using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Domains beside which something may write to memory without a trap, as a device emulator does.</summary>
public sealed class UnseenWriterTests
{
    [Fact]
    public async Task Their_rollback_is_proved_even_where_no_proof_was_asked_for()
    {
        await using MigrationFixture fixture = new();
        using (PreRecordSession session = Record(fixture, writesUnseen: false))
        {
            Assert.True(session.Proof is { IsProved: true, ChangedPages: > 0 });
        }

        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_page_that_was_written_unseen_fails_the_recording_and_the_domain_runs_on()
    {
        await using MigrationFixture fixture = new();
        MigrationException error = Assert.Throws<MigrationException>(() => Record(fixture, writesUnseen: true));

        Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
        Assert.Equal(DomainState.Running, fixture.Domain.Info.State);
    }

    private static PreRecordSession Record(MigrationFixture fixture, bool writesUnseen) => PreRecordSession.Record(
        new Emulated(fixture.Source.OpenSource(MigrationFixture.DomainName), writesUnseen),
        MigrationFixture.Move(MigrationMethod.PreRecord, RecordingMode.Rollback) with { ProveRollback = false },
        null,
        TestContext.Current.CancellationToken);

    /// <summary>A domain with a writer beside it, which changes one page in each epoch, or none.</summary>
    private sealed class Emulated(ISourceDomain inner, bool writesUnseen) : ISourceDomain
    {
        public DomainInfo Info => inner.Info;

        public IGuestMemory Memory => inner.Memory;

        public bool HasUnseenWriters => true;

        public PageBitmap GetPopulatedPages() => inner.GetPopulatedPages();

        public DomainDescription Describe() => inner.Describe();

        public void RequireUnchanged(DomainDescription announced) => inner.RequireUnchanged(announced);

        public void Mark(SourceMark? mark, Departure? departure = null) => inner.Mark(mark, departure);

        public IOutputPlug PlugOutputs(OutputLimits limits) => inner.PlugOutputs(limits);

        public void Suspend(TimeSpan timeout, CancellationToken cancellationToken) => inner.Suspend(timeout, cancellationToken);

        public void Pause() => inner.Pause();

        public void Resume() => inner.Resume();

        public void RunFor(TimeSpan duration, CancellationToken cancellationToken)
        {
            inner.RunFor(duration, cancellationToken);
            if (writesUnseen)
            {
                // The writer changes the last page: the guests work far below it, so nothing else backs that page up.
                int pfn = inner.GetPopulatedPages().Pfns().Last();
                byte[] page = new byte[Page.Size];
                inner.Memory.Read([pfn], page);
                page[0] ^= 0xff;
                page[1]++;
                inner.Memory.Write([pfn], page);
            }
        }

        public IAccessRecorder StartRecording(PageBackup? backups) => inner.StartRecording(backups);

        public IDirtyTracker StartDirtyTracking() => inner.StartDirtyTracking();

        public CoreState CaptureCoreState() => inner.CaptureCoreState();

        public void Destroy() => inner.Destroy();

        public void Dispose() => inner.Dispose();
    }
}

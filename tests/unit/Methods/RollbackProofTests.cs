using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated;

namespace PreRecordMigration.Tests.Methods;

/// <summary>What each kind of proof says of each kind of defect: docs/decisions/rollback-proof.md has the same table.</summary>
public sealed class RollbackProofTests
{
    /// <summary>What is wrong with a recording.</summary>
    public enum Defect
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>Nothing, but a backend writes to the domain while it stands at the checkpoint, as packets come whether it runs or not.</summary>
        WrittenWhileItStands,

        /// <summary>The recorder did not see a write that the hypervisor's dirty log has.</summary>
        RecorderMissesWrite,

        /// <summary>Neither saw it.</summary>
        BothMissWrite,

        /// <summary>A page was backed up after its first write.</summary>
        OriginalComesLate,

        /// <summary>An original changed in the store.</summary>
        OriginalChanges,
    }

    [Theory]
    [InlineData(Defect.None, RollbackProofKind.Full, 0, null)]
    [InlineData(Defect.WrittenWhileItStands, RollbackProofKind.Full, 0, null)]
    [InlineData(Defect.RecorderMissesWrite, RollbackProofKind.Full, 0, "1 of 3072 pages differ")]
    [InlineData(Defect.BothMissWrite, RollbackProofKind.Full, 0, "1 of 3072 pages differ")]
    [InlineData(Defect.OriginalComesLate, RollbackProofKind.Full, 0, "1 of 3072 pages differ")]
    [InlineData(Defect.OriginalChanges, RollbackProofKind.Full, 0, "1 of 3072 pages differ")]
    [InlineData(Defect.None, RollbackProofKind.Witness, 1000, null)]
    [InlineData(Defect.WrittenWhileItStands, RollbackProofKind.Witness, 3072, null)]
    [InlineData(Defect.RecorderMissesWrite, RollbackProofKind.Witness, 0, "pages that were written have no original")]
    [InlineData(Defect.OriginalChanges, RollbackProofKind.Witness, 0, "originals are not what was backed up")]

    // What a second witness alone does not see: only the pages that are compared besides show it, where it hits one of them.
    [InlineData(Defect.BothMissWrite, RollbackProofKind.Witness, 0, null)]
    [InlineData(Defect.BothMissWrite, RollbackProofKind.Witness, 3072, "1 of 3072 compared pages differ")]
    [InlineData(Defect.OriginalComesLate, RollbackProofKind.Witness, 0, null)]
    [InlineData(Defect.OriginalComesLate, RollbackProofKind.Witness, 3072, "1 of 3072 compared pages differ")]

    // Without a proof nobody says anything.
    [InlineData(Defect.RecorderMissesWrite, RollbackProofKind.None, 0, null)]
    [InlineData(Defect.OriginalChanges, RollbackProofKind.None, 0, null)]
    public async Task A_defect_is_seen_or_not(Defect defect, RollbackProofKind kind, int sample, string? difference)
    {
        await using MigrationFixture fixture = new();
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord) with { RollbackProof = kind, ProofSamplePages = sample };
        using Defective domain = new(fixture.Source.OpenSource(MigrationFixture.DomainName), defect);
        if (difference is null)
        {
            using PreRecordSession session = PreRecordSession.Record(domain, options, null, TestContext.Current.CancellationToken);
            Assert.Equal(kind == RollbackProofKind.None ? null : kind, session.Proof?.Kind);
            Assert.True(session.Proof?.IsProved ?? true);
            Assert.Equal(kind == RollbackProofKind.Witness, session.Proof is { WrittenPages: > 0 });

            // What the proof did not say, the pages do.
            Assert.Equal(defect is Defect.None or Defect.WrittenWhileItStands, domain.IsCheckpointThere(session.Memory));
        }
        else
        {
            MigrationException error = Assert.Throws<MigrationException>(
                () => PreRecordSession.Record(domain, options, null, TestContext.Current.CancellationToken));
            Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
            Assert.Contains(difference, error.Message, StringComparison.Ordinal);
            Assert.Equal(DomainState.Running, fixture.Domain.State);
        }

        Assert.Equal(0, fixture.Domain.TrappedPages);
    }

    [Fact]
    public void Where_there_is_no_second_witness_all_memory_is_the_proof()
    {
        using SimulatedHost host = new("alone", new SimulatedHostOptions { SupportsDirtyTracking = false });
        SimulatedDomain domain = host.CreateDomain(MigrationFixture.Options());
        using PreRecordSession session = PreRecordSession.Record(
            host.OpenSource(domain.Name), MigrationFixture.Move(MigrationMethod.PreRecord), null, TestContext.Current.CancellationToken);
        Assert.True(session.Proof is { IsProved: true, Kind: RollbackProofKind.Full, WrittenPages: 0 });
        Assert.Equal(domain.PopulatedPages.Count, session.Proof.PagesCompared);
    }

    [Theory]
    [InlineData(RollbackProofKind.Witness)]
    [InlineData(RollbackProofKind.Full)]
    public async Task A_proved_domain_moves_and_a_written_page_without_an_original_keeps_it_here(RollbackProofKind kind)
    {
        await using MigrationFixture fixture = new();
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord) with { RollbackProof = kind };
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => MigrationSource.MigrateAsync(
            new Defective(fixture.Source.OpenSource(MigrationFixture.DomainName), Defect.RecorderMissesWrite),
            fixture.Route, options, null, TestContext.Current.CancellationToken));
        Assert.Equal(MigrationErrorId.VerificationFailed, error.ErrorId);
        await fixture.CheckStayedAsync();

        await using MigrationFixture another = new();
        MigrationResult result = await another.MigrateAsync(options);
        Assert.Equal(kind, result.RollbackProof!.Kind);
        await another.CheckMovedAsync();
    }

    /// <summary>A domain whose recording has a defect.</summary>
    private sealed class Defective(ISourceDomain inner, Defect defect) : ForwardingSource(inner)
    {
        private readonly Dictionary<int, byte[]> _atCheckpoint = [];
        private readonly PageBackup _kept = new(inner.Memory.PageCount);
        private readonly Lock _handingOver = new();
        private PageBackup? _backups;
        private int _victim = -1;
        private bool _isDone;

        public override IAccessRecorder StartRecording(PageBackup? backups)
        {
            foreach (int pfn in GetPopulatedPages().Pfns())
            {
                Memory.Read([pfn], _atCheckpoint[pfn] = new byte[Page.Size]);
            }

            if (defect is not (Defect.RecorderMissesWrite or Defect.OriginalComesLate))
            {
                IAccessRecorder recorder = base.StartRecording(_backups = backups);
                if (defect == Defect.WrittenWhileItStands)
                {
                    int last = GetPopulatedPages().Pfns().Last();
                    backups!.TryAdd(last, _atCheckpoint[last]);
                    WriteUnseen(last);
                }

                return recorder;
            }

            // The originals come as from a hypervisor that keeps them, but for one.
            backups!.Follow(() => HandOver(backups));
            return base.StartRecording(_kept);
        }

        public override void RunFor(TimeSpan duration, CancellationToken cancellationToken)
        {
            base.RunFor(duration, cancellationToken);
            if (_isDone)
            {
                return;
            }

            _isDone = true;
            switch (defect)
            {
                case Defect.BothMissWrite:
                    // The last page: the guest works far below it.
                    WriteUnseen(GetPopulatedPages().Pfns().Last());
                    break;
                case Defect.OriginalChanges:
                    ChangeSecondOriginal(_backups!.Keep(Info.Name));
                    break;
            }
        }

        /// <summary>Whether a memory is what the domain had at the checkpoint.</summary>
        public bool IsCheckpointThere(IGuestMemory memory)
        {
            byte[] page = new byte[Page.Size];
            return _atCheckpoint.All(had =>
            {
                memory.Read([had.Key], page);
                return page.AsSpan().SequenceEqual(had.Value);
            });
        }

        private void HandOver(PageBackup backups)
        {
            // Every reader of the checkpoint takes them over.
            using Lock.Scope one = _handingOver.EnterScope();
            byte[] original = new byte[Page.Size];
            byte[] live = new byte[Page.Size];
            foreach (int pfn in _kept.Pfns())
            {
                _kept.TryRead(pfn, original);
                Memory.Read([pfn], live);
                _victim = _victim < 0 && !original.AsSpan().SequenceEqual(live) ? pfn : _victim;
                if (pfn != _victim)
                {
                    backups.TryAdd(pfn, original);
                }
                else if (defect == Defect.OriginalComesLate)
                {
                    backups.TryAdd(pfn, live);
                }
            }
        }

        private static void ChangeSecondOriginal(Guid store)
        {
            using FileStream step = new(Path.Combine(RuntimeFolder.Find(), $"originals-{store:N}.0"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            step.Position = 2 * Page.Size;
            int changed = step.ReadByte() ^ 0xff;
            step.Position = 2 * Page.Size;
            step.WriteByte((byte)changed);
        }
    }
}

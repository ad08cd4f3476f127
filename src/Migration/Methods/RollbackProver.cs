using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>Proves a rollback: what it notes at the checkpoint it holds against the stopped domain after the window. What each kind sees, and what it
/// would not see, docs/decisions/rollback-proof.md says.</summary>
internal abstract class RollbackProver
{
    /// <summary>What did not agree, for an error.</summary>
    public abstract string Difference { get; }

    /// <summary>Whether a second witness is wanted, and there is one.</summary>
    public static bool HasWitness(ISourceDomain domain, MigrationOptions options) =>
        options.RollbackProof == RollbackProofKind.Witness && domain.HasWriteWitness;

    /// <summary>Chooses the kind while the domain still runs; its outputs are plugged, so that it is known who else writes to its memory.</summary>
    /// <param name="custody">The domain.</param>
    /// <param name="options">What the administrator chose. Where the second witness was and the hypervisor has none, or something writes that it does
    /// not see, all memory is hashed; and where something writes that no recorder sees, even where no proof was asked for.</param>
    /// <param name="populated">The domain's pages.</param>
    /// <returns>Null where nothing is proved.</returns>
    public static RollbackProver? Choose(SourceCustody custody, MigrationOptions options, PageBitmap populated)
    {
        if (custody.Domain.HasUnseenWriters)
        {
            return new HashingProver(custody.Domain.Memory, populated);
        }

        return options.RollbackProof switch
        {
            RollbackProofKind.None => null,
            RollbackProofKind.Witness when HasWitness(custody.Domain, options) => new WitnessProver(custody, populated, options.ProofSamplePages),
            _ => new HashingProver(custody.Domain.Memory, populated),
        };
    }

    /// <summary>Notes what there is to be noted of the suspended domain.</summary>
    /// <param name="backups">The originals so far: packets come to a domain that stands, and its backends write them.</param>
    /// <param name="progress">Told while pages are compared; null for nobody.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public abstract void AtCheckpoint(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Holds it against the stopped domain and its originals.</summary>
    public abstract RollbackProof AfterWindow(PageBackup backups, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Goes through the originals: counts those whose page has another content now, and finds those that are not what was backed up.</summary>
    private protected static (int Changed, int[] Damaged) Examine(IGuestMemory current, PageBackup backups, CancellationToken cancellationToken)
    {
        int changed = 0;
        List<int> damaged = [];
        MemoryHashing.InChunks([.. backups.Pfns()], Look, cancellationToken);
        return (changed, [.. damaged.Order()]);

        void Look(int first, ReadOnlyMemory<int> pfns)
        {
            byte[] original = new byte[Page.Size];
            byte[] live = new byte[pfns.Length * Page.Size];
            current.Read(pfns.Span, live);
            int differing = 0;
            for (int i = 0; i < pfns.Length; i++)
            {
                int pfn = pfns.Span[i];
                backups.TryRead(pfn, original);
                differing += original.AsSpan().SequenceEqual(Page.At(live.AsSpan(), i)) ? 0 : 1;
                if (backups.HashOf(pfn) is { } hash && hash != PageHash.Of(original))
                {
                    lock (damaged)
                    {
                        damaged.Add(pfn);
                    }
                }
            }

            Interlocked.Add(ref changed, differing);
        }
    }
}

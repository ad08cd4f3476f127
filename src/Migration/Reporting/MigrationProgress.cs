namespace PreRecordMigration.Reporting;

/// <summary>How far a migration is.</summary>
/// <param name="Phase">The phase.</param>
/// <param name="PagesDone">Pages at the destination; pages hashed in <see cref="MigrationPhase.Prove"/>.</param>
/// <param name="PagesTotal">Pages to get there.</param>
/// <param name="BytesSent">Bytes sent so far.</param>
/// <param name="BytesPerSecond">The rate of late, of sending or of hashing.</param>
/// <param name="Remaining">The time left at that rate; null where it is not known.</param>
public sealed record MigrationProgress(
    MigrationPhase Phase, long PagesDone, long PagesTotal, long BytesSent, double BytesPerSecond, TimeSpan? Remaining)
{
    /// <summary>The pages that were sent so far, by when and why; pages of zeros are not told from others yet.</summary>
    public SentPages Pages { get; init; } = SentPages.None;

    /// <summary>Pages that the guest asked for of late, a second.</summary>
    public double FaultsPerSecond { get; init; }

    /// <summary>
    /// For which share of the time of late its vCPUs waited for them, from 0 to 1, as the source sees it: from the request until the answer leaves. Null while
    /// the domain does not run with pages missing.
    /// </summary>
    public double? StalledShare { get; init; }

    /// <summary>Who has the domain.</summary>
    public DomainHolder Holder { get; init; }
}

/// <summary>The phases of a migration.</summary>
public enum MigrationPhase : long
{
    /// <summary>Connecting, agreeing, and preparing the incoming domain.</summary>
    Prepare,

    /// <summary>Rounds of pre-copy.</summary>
    Rounds,

    /// <summary>The checkpoint: suspended, core state captured, pages trapped.</summary>
    Checkpoint,

    /// <summary>The pre-execution window, or the observed one.</summary>
    Record,

    /// <summary>The handover: stopped here, not yet running there.</summary>
    Handover,

    /// <summary>Pushing what is missing and answering faults.</summary>
    Push,

    /// <summary>Letting go at the source, final name at the destination.</summary>
    Finish,

    /// <summary>Connecting again after a loss, and agreeing on what is missing.</summary>
    Resume,

    /// <summary>
    /// Within the checkpoint and the handover of a Rollback: hashing every page of the domain that stands still, to prove that
    /// nothing is lost by going back. Its progress counts pages hashed.
    /// </summary>
    Prove,
}

using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>What a migration did, in numbers.</summary>
public sealed record MigrationResult
{
    /// <summary>The domain.</summary>
    public required string Name { get; init; }

    /// <summary>The host (or address) that it is on now: the destination.</summary>
    public string HostName => Destination;

    /// <summary>The host it left.</summary>
    public required string Source { get; init; }

    /// <summary>The host (or address) it went to.</summary>
    public required string Destination { get; init; }

    /// <summary>How memory travelled.</summary>
    public required MigrationMethod Method { get; init; }

    /// <summary>The recording's mode; null where nothing was recorded.</summary>
    public RecordingMode? Mode { get; init; }

    /// <summary>The phases in order, with when each began (from the start of the migration) and how long it took.</summary>
    public required IReadOnlyList<MigrationPhaseTime> Phases { get; init; }

    /// <summary>From the first step to the source's end.</summary>
    public required TimeSpan TotalTime { get; init; }

    /// <summary>
    /// From the moment the source's vCPUs stopped for good until they ran at the destination: the handover.
    /// </summary>
    public required TimeSpan Downtime { get; init; }

    /// <summary>What <see cref="Downtime"/> went into, at both sides.</summary>
    public DowntimeParts DowntimeParts { get; init; } = DowntimeParts.None;

    /// <summary>How long the checkpoint held the domain before the window; zero without one.</summary>
    public TimeSpan CheckpointPause { get; init; }

    /// <summary>Execution that was thrown away and done again: the window, in Rollback.</summary>
    public TimeSpan DiscardedExecution { get; init; }

    /// <summary>Whether the window ended before its time, because nearly as much was held back of what the domain sent and wrote as can be.</summary>
    public bool WindowCutShort { get; init; }

    /// <summary>
    /// How long what the domain had to say was held back: in Rollback from the checkpoint, after which everything is done
    /// again, until it ran at the destination, a wait for the move included. Zero without a checkpoint.
    /// </summary>
    public TimeSpan OutputsHeldBack { get; init; }

    /// <summary>
    /// How long the domain's clients waited in all: for the handover and for remote faults, and in Rollback for all that was
    /// held back.
    /// </summary>
    public TimeSpan ClientsWait => (OutputsHeldBack > Downtime ? OutputsHeldBack : Downtime) + FaultLatency.Total;

    /// <summary>Why the mode was chosen; null where it was given, or nothing was recorded.</summary>
    public string? ModeReason { get; init; }

    /// <summary>
    /// The time in which the domain needed both hosts: from the commit until the source had heard that every page is at the
    /// destination. With pre-copy and with RemotePF off that is the commit's round trip alone.
    /// </summary>
    public required TimeSpan Exposure { get; init; }

    /// <summary>All bytes the source sent, protocol included.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes of the pushed pages before compression, with what names them; a page of zeros has no more than its name.</summary>
    public required long PageBytes { get; init; }

    /// <summary>Those bytes as they went: the same where nothing was compressed.</summary>
    public required long PageBytesSent { get; init; }

    /// <summary>The pages that were sent, by when and why.</summary>
    public SentPages Pages { get; init; } = SentPages.None;

    /// <summary>Pages pushed on the bulk connection, pages sent again included.</summary>
    public required long PagesPushed { get; init; }

    /// <summary>Rounds that sent pages while the domain ran; zero with methods without.</summary>
    public int Rounds { get; init; }

    /// <summary>Pages of <see cref="PagesPushed"/> that went before the commit because they had to: in rounds, and with RemotePF off.</summary>
    public long PagesBeforeCommit { get; init; }

    /// <summary>Pages that were still to be sent when the domain left; zero where all had to be there before, and where another process took
    /// the migration over.</summary>
    public long PagesLeftAtCommit { get; init; }

    /// <summary>Pages sent because of a demand fault.</summary>
    public required long PagesDemanded { get; init; }

    /// <summary>Pages that travelled with the core state.</summary>
    public required int CorePages { get; init; }

    /// <summary>Page-table pages among them.</summary>
    public required int PageTablePages { get; init; }

    /// <summary>What went wrong after the domain had moved, each with its remedy; empty where nothing did. It has moved all the same.</summary>
    public IReadOnlyList<MigrationException> Problems { get; init; } = [];

    /// <summary>Distinct pages recorded in the window.</summary>
    public int RecordedPages { get; init; }

    /// <summary>Pages in the backup store at the window's end.</summary>
    public int BackedUpPages { get; init; }

    /// <summary>Remote page faults at the destination: faults that had to wait for the source.</summary>
    public required long RemoteFaults { get; init; }

    /// <summary>How long those faults waited.</summary>
    public required FaultLatency FaultLatency { get; init; }

    /// <summary>What it tells beyond these sums: causes and distributions, the guest's speed, the map of its memory.</summary>
    public MigrationDetails Details { get; init; } = MigrationDetails.None;

    /// <summary>The proof of the rollback; null where none was asked for or nothing was rolled back.</summary>
    public RollbackProof? RollbackProof { get; init; }
}

/// <summary>One phase of a migration.</summary>
/// <param name="Phase">Which.</param>
/// <param name="Start">From the start of the migration.</param>
/// <param name="Duration">How long it took.</param>
public sealed record MigrationPhaseTime(MigrationPhase Phase, TimeSpan Start, TimeSpan Duration);

/// <summary>The proof that the checkpoint could be restored: two digests over pages, and what a second witness says.</summary>
/// <param name="Kind">How it was proved: by all pages, or by the hypervisor's own dirty log and some pages.</param>
/// <param name="PagesCompared">How many pages: all populated ones, or those that were chosen.</param>
/// <param name="AtCheckpoint">SHA-256 over the hashes of these pages at the checkpoint, in hexadecimal.</param>
/// <param name="AfterWindow">The same after pre-execution, with backups laid over.</param>
/// <param name="ChangedPages">Pages whose live content differed from the checkpoint's at the window's end.</param>
public sealed record RollbackProof(RollbackProofKind Kind, int PagesCompared, string AtCheckpoint, string AfterWindow, int ChangedPages)
{
    /// <summary>Pages that were written in the window, as the witness says; zero where none was asked.</summary>
    public int WrittenPages { get; init; }

    /// <summary>Those of them that have no original.</summary>
    public int MissedPages { get; init; }

    /// <summary>Originals that are not what was backed up, by the hashes that were taken of them then.</summary>
    public int DamagedOriginals { get; init; }

    /// <summary>Whether the digests agree, and the witness and the originals with them.</summary>
    public bool IsProved => AtCheckpoint == AfterWindow && MissedPages == 0 && DamagedOriginals == 0;

    /// <summary>The proof in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsProved ? "proved" : "not proved")} by {(Kind == RollbackProofKind.Witness ? $"a second witness ({WrittenPages} pages written) and " : "")}{PagesCompared} pages compared, {ChangedPages} changed");
}

using System.Globalization;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Operations;

/// <summary>
/// One recording of a domain, and what was decided since about its move. A snapshot: the live recording is found by its
/// <see cref="Id"/> as long as it is held.
/// </summary>
public sealed record PreRecord : MigrationPlan
{
    /// <summary>Names the recording in this process.</summary>
    public required string Id { get; init; }

    /// <summary>What the recording did to the domain.</summary>
    public required RecordingMode Mode { get; init; }

    /// <summary>Why that was chosen; null where it was given.</summary>
    public string? ModeReason { get; init; }

    /// <summary>How long the pre-execution window was, in seconds; a TimeSpan to PowerShell.</summary>
    public required double Window { get; init; }

    /// <summary>How long an epoch was, in seconds; a TimeSpan to PowerShell.</summary>
    public required double Epoch { get; init; }

    /// <summary>
    /// What the domain touched, in which epoch, in which order: what there is of it in one line here, the accesses to PowerShell.
    /// </summary>
    public string Trajectory => Accesses.ToString();

    /// <summary>Distinct pages recorded.</summary>
    public required int RecordedPages { get; init; }

    /// <summary>Pages in the backup store; zero in Observe.</summary>
    public required int BackedUpPages { get; init; }

    /// <summary>Whether the window ended before its time, because nearly as much was held back of what the domain sent and wrote as can be
    /// (OverlayLimit, PacketLimit).</summary>
    public bool WindowCutShort { get; init; }

    /// <summary>The proof that the checkpoint can be restored; null in Observe, or where none was asked for.</summary>
    public RollbackProof? RollbackProof { get; init; }

    /// <summary>When the recording is discarded by itself, and the domain runs on, if it has not been moved by then; null for what was
    /// read from a file.</summary>
    public DateTimeOffset? HeldUntil { get; init; }

    /// <summary>Who made it and holds it: process, runspace and command; null for what was read from a file.</summary>
    public string? Holder { get; init; }

    /// <summary>What it is, and what it does to its domain as long as it is held.</summary>
    public PreRecordState State => IsPreview ? PreRecordState.Preview
        : ImportedFrom is not null ? PreRecordState.Imported
        : Mode == RecordingMode.Rollback ? PreRecordState.HoldsPaused
        : PreRecordState.HoldsRunning;

    /// <summary>In which order pages are to be pushed, the first strategy's first; null for what suits the method.</summary>
    public Listed<PageOrderStrategy>? Order { get; init; }

    /// <summary>Whether memory may arrive after the domain runs at the destination; null for what suits the method.</summary>
    public bool? RemotePF { get; init; }

    /// <summary>The file that the recording was read from; null for one that was made in this process.</summary>
    public string? ImportedFrom { get; init; }

    /// <summary>Whether -WhatIf returned it: what would be recorded. No domain was touched, and none is held.</summary>
    public bool IsPreview => Preview is not null;

    /// <summary>What would be recorded, and how; null for a recording.</summary>
    internal RecordingPlan? Preview { get; init; }

    /// <summary>What the domain touched, in which epoch, in which order.</summary>
    internal AccessTrajectory Accesses { get; init; } = new([], 0, TimeSpan.FromTicks(1), 0, isEpochOrdered: true);

    /// <summary>The pages that an order has to put in order: those populated at the window's end.</summary>
    internal PageBitmap Populated { get; init; } = new(0);

    /// <summary>What would be recorded, before anything is: it has seen nothing.</summary>
    /// <param name="plan">The domain, and how it is recorded.</param>
    /// <param name="modeReason">Why that mode was chosen; null where it was given.</param>
    /// <param name="holdTime">How long it would be held.</param>
    /// <param name="holder">Who would hold it, for a reader.</param>
    public static PreRecord Planned(RecordingPlan plan, string? modeReason, TimeSpan holdTime, string? holder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new PreRecord
        {
            Id = Guid.NewGuid().ToString("N"),
            Name = plan.Location.Info.Name,
            HostName = plan.Location.Host.Name,
            Mode = plan.Options.Mode,
            ModeReason = modeReason,
            Window = plan.Options.Window.TotalSeconds,
            Epoch = plan.Options.Epoch.TotalSeconds,
            Accesses = new AccessTrajectory([], 0, plan.Options.Epoch, 0, isEpochOrdered: true),
            RecordedPages = 0,
            BackedUpPages = 0,
            HeldUntil = TimeProvider.System.GetLocalNow() + holdTime,
            Holder = holder,
            Preview = plan,
        };
    }

    /// <summary>What the domain touched, in which epoch, in which order; what PowerShell shows as Trajectory.</summary>
    public AccessTrajectory GetTrajectory() => Accesses;

    /// <summary>What would be recorded, and how; null for a recording.</summary>
    public RecordingPlan? GetPreview() => Preview;

    /// <summary>The order in which the pages that are to be pushed would be.</summary>
    /// <param name="strategies">How it is made, the first strategy's pages first.</param>
    public PageOrder OrderBy(IReadOnlyList<PageOrderStrategy> strategies) => PageOrder.Build(Populated, Accesses, strategies, null, Mode);

    /// <summary>The recording that was made of what was planned.</summary>
    internal PreRecord Made(PreRecordSession session, PageBitmap populated) => this with
    {
        Preview = null,
        Accesses = session.Trajectory,
        RecordedPages = session.RecordedPages,
        BackedUpPages = session.Backups?.Count ?? 0,
        WindowCutShort = session.WasCutShort,
        RollbackProof = session.Proof,
        Populated = populated,
    };

    /// <summary>The recording in one line, the same in every culture.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Mode} of {Name} for {Window:0.######} s");
}

/// <summary>What a recording is, and what it does to its domain.</summary>
public enum PreRecordState : long
{
    /// <summary>The domain stands still at the end of its window, until it is moved or let go.</summary>
    HoldsPaused,

    /// <summary>The domain runs; nobody else can record or move it, until it is moved or let go.</summary>
    HoldsRunning,

    /// <summary>-WhatIf returned it: nothing was recorded.</summary>
    Preview,

    /// <summary>It was read from a file, and has nothing to do with any domain now.</summary>
    Imported,
}

/// <summary>What is recorded, and how.</summary>
/// <param name="Location">The domain and its host.</param>
/// <param name="Options">What was decided for it.</param>
public sealed record RecordingPlan(DomainLocation Location, MigrationOptions Options);

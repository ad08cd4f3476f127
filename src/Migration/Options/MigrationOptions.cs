namespace PreRecordMigration.Options;

/// <summary>What an administrator chooses for one migration.</summary>
public sealed record MigrationOptions
{
    /// <summary>The share of its pages that a round may leave for another one to be worth the while.</summary>
    private const double WorthwhileShare = 0.75;

    /// <summary>How memory travels.</summary>
    public MigrationMethod Method { get; init; } = MigrationMethod.PreRecord;

    /// <summary>What the recording does to the domain; only for pre-record.</summary>
    public RecordingMode Mode { get; init; } = RecordingMode.Rollback;

    /// <summary>How long the pre-execution window lasts.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an epoch lasts; at most the window.</summary>
    public TimeSpan Epoch { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Whether memory may arrive after the domain runs at the destination. Null for what suits the method: on for
    /// post-copy, hybrid and pre-record, never for pre-copy. Off, every page travels before the commit.
    /// </summary>
    public bool? RemotePF { get; init; }

    /// <summary>
    /// Whether the domain is split over two hosts for a time: it runs at the destination while memory of it is still at the
    /// source. What <see cref="RemotePF"/> says, or else what suits the method.
    /// </summary>
    public bool IsSplit => RemotePF ?? Method != MigrationMethod.PreCopy;

    /// <summary>Whether rounds of pages travel before the domain stops: first all of them, then those that were written meanwhile.</summary>
    public bool HasRounds => Method is MigrationMethod.PreCopy or MigrationMethod.Hybrid;

    /// <summary>Whether what the rounds have left travels while the domain stands still, which is how long it does so; else it follows.</summary>
    public bool HasLastRound => HasRounds && !IsSplit;

    /// <summary>Whether pages of the domain are trapped: to be recorded, or because they are missing at the destination.</summary>
    public bool NeedsTraps => IsSplit || Method == MigrationMethod.PreRecord;

    /// <summary>
    /// In which order pages are pushed; null for what suits the method. Several compose
    /// (<see cref="Ordering.PageOrder.Build"/>).
    /// </summary>
    public IReadOnlyList<PageOrderStrategy>? Order { get; init; }

    /// <summary>Most bytes a second that the bulk connection may carry; null for no limit. Demand faults are not limited.</summary>
    public long? BandwidthLimit { get; init; }

    /// <summary>Whether pushed pages are compressed, where the destination takes them so.</summary>
    public PageCompression Compression { get; init; } = PageCompression.Auto;

    /// <summary>How long the guest may take to suspend.</summary>
    public TimeSpan SuspendTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the destination may be silent before the connection to it counts as lost, connecting included;
    /// <see cref="Options.PeerTimeout"/> says why the default is what it is. A side that lives is never silent for long, however busy it
    /// is.
    /// </summary>
    public TimeSpan PeerTimeout { get; init; } = Options.PeerTimeout.Default;

    /// <summary>Most pages in the backup store; null for as many as the domain has.</summary>
    public int? BackupLimitPages { get; init; }

    /// <summary>How much of what the domain sends and writes in its window is held back; only for <see cref="RecordingMode.Rollback"/>.</summary>
    public OutputLimits OutputLimits { get; init; } = OutputLimits.Default;

    /// <summary>Most rounds before the domain is suspended all the same; only where there are any (<see cref="HasRounds"/>).</summary>
    public int MaximumRounds { get; init; } = 5;

    /// <summary>
    /// The longest that the domain may be predicted to stand still for what the rounds have left; only where that travels while it does
    /// (<see cref="HasLastRound"/>). The guest's own time to suspend, its core state and the handover's round trips come on top.
    /// </summary>
    public TimeSpan MaximumDowntime { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>What is done where the last round that is allowed leaves more than that.</summary>
    public LongDowntimeAction DowntimeAction { get; init; } = LongDowntimeAction.Continue;

    /// <summary>The longest that the domain may need both hosts; null for no limit. Where it is predicted to be longer or is, the bandwidth limit
    /// is lifted.</summary>
    public TimeSpan? MaximumExposure { get; init; }

    /// <summary>The domain is suspended when a round leaves no more pages than this.</summary>
    public int DirtyPageThreshold { get; init; } = 50;

    /// <summary>
    /// How the rollback is proved. Where a second witness is wanted and the hypervisor has none
    /// (<see cref="Hypervisor.ISourceDomain.HasWriteWitness"/>), by all memory. Domains with unseen writers
    /// (<see cref="Hypervisor.ISourceDomain.HasUnseenWriters"/>) are proved by all memory in any case.
    /// </summary>
    public RollbackProofKind RollbackProof { get; init; } = RollbackProofKind.Witness;

    /// <summary>
    /// Told of every step of the protocol and of the recording at the source; null for nobody. Called on the migration's own
    /// threads, which wait for it.
    /// </summary>
    public IProgress<Reporting.MigrationTrace>? Trace { get; init; }

    /// <summary>The migration ties itself to this watch, which then tells who has the domain; null where nobody asks. Each migration needs
    /// its own.</summary>
    public Reporting.DomainWatch? Watch { get; init; }

    /// <summary>The bounds while the migration goes on, for who changes them; null where nobody does. Each migration needs its own.</summary>
    public MigrationLimits? Limits { get; init; }

    /// <summary>Told of bounds that are not kept; null for nobody. Called on the migration's own thread, which waits for it.</summary>
    public IProgress<Reporting.MigrationWarning>? Warnings { get; init; }

    /// <summary>The bounds that the migration begins with.</summary>
    public MigrationBounds Bounds => new(BandwidthLimit, MaximumDowntime, MaximumExposure);

    /// <summary>A rehearsal of what is done while the domain stands still, which is given some time to end before the domain is touched; done with what
    /// failed of it, which is told and changes nothing. Null where none was begun.</summary>
    public Task<Exception?>? Rehearsed { get; init; }

    /// <summary>Measures the destination's silence.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>
    /// How many pages a proof by a second witness compares besides: 4 MiB, in about a millisecond. A defect that changes one page in a hundred is
    /// missed by them once in 29,000 times, one that changes one in a thousand more than once in three.
    /// </summary>
    internal int ProofSamplePages { get; init; } = 1024;

    /// <summary>Whether originals are kept where they outlive this process; else they are in its memory alone, as where there is no room.</summary>
    internal bool OriginalsOutliveProcess { get; init; } = true;

    /// <summary>Whether another round goes before the domain is suspended. One that left nearly as much as it sent has found the domain's pace, and
    /// another one would leave as much: it goes only where the domain would stand still for too long otherwise.</summary>
    /// <param name="rounds">How many there were.</param>
    /// <param name="sent">Pages that the last one sent.</param>
    /// <param name="left">Pages that it left.</param>
    /// <param name="isTooMuch">Whether the domain is predicted to stand still for them for longer than it may.</param>
    internal bool HasAnotherRound(int rounds, double sent, double left, bool isTooMuch) =>
        rounds < MaximumRounds && left > DirtyPageThreshold && (left <= sent * WorthwhileShare || (HasLastRound && isTooMuch));

    /// <summary>The most pages that rounds leave which get the better of the domain's writing: each leaves as much as one may after which another one
    /// goes.</summary>
    /// <param name="pages">Pages that the domain has.</param>
    internal double MostLeft(double pages)
    {
        double left = pages;
        double sent;
        int rounds = 0;
        do
        {
            (sent, left) = (left, left * WorthwhileShare);
        }
        while (HasAnotherRound(++rounds, sent, left, isTooMuch: false));

        return left;
    }

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="Errors.MigrationException"><see cref="Errors.MigrationErrorId.InvalidOption"/>.</exception>
    public void Validate()
    {
        Check(Window > TimeSpan.Zero, nameof(Window), $"is {Window}, not longer than zero", "Give a window such as 500ms.");
        Check(Epoch > TimeSpan.Zero, nameof(Epoch), $"is {Epoch}, not longer than zero", "Give an epoch such as 20ms.");
        Check(Epoch <= Window, nameof(Epoch), $"({Epoch}) is longer than the window ({Window})", "Give an epoch of at most the window.");
        Check(RemotePF is not true || Method != MigrationMethod.PreCopy, nameof(RemotePF), "contradicts pre-copy, which sends every page before the domain moves", "Choose post-copy, hybrid or pre-record, or leave RemotePF off.");
        Bounds.Validate();
        Check(Enum.IsDefined(DowntimeAction), nameof(DowntimeAction), $"is {DowntimeAction}", $"Use one of {string.Join(", ", Enum.GetNames<LongDowntimeAction>())}.");
        Check(Enum.IsDefined(Compression), nameof(Compression), $"is {Compression}", $"Use one of {string.Join(", ", Enum.GetNames<PageCompression>())}.");
        Check(SuspendTimeout > TimeSpan.Zero, nameof(SuspendTimeout), $"is {SuspendTimeout}", "Give a time above zero.");
        Options.PeerTimeout.Require(PeerTimeout);
        Check(BackupLimitPages is null or > 0, "BackupLimit", $"is {BackupLimitPages} pages", "Give room for at least one page.");
        Check(OutputLimits.PacketBytes is > 0 and <= uint.MaxValue, "PacketLimit", $"is {OutputLimits.PacketBytes} bytes", "Give more than nothing, and at most 4 GiB.");
        Check(OutputLimits.OverlayBytes > 0, "OverlayLimit", $"is {OutputLimits.OverlayBytes} bytes", "Give more than nothing.");
        Check(Enum.IsDefined(RollbackProof), nameof(RollbackProof), $"is {RollbackProof}", $"Use one of {string.Join(", ", Enum.GetNames<RollbackProofKind>())}.");
        Check(MaximumRounds > 0, nameof(MaximumRounds), $"is {MaximumRounds}", "Give at least one round.");
        if (Order is not null)
        {
            PageOrderStrategies.Validate(Order);
        }

        Check(DirtyPageThreshold >= 0, nameof(DirtyPageThreshold), $"is {DirtyPageThreshold}", "Give zero or more pages.");
    }

    internal static void Check(bool isValid, string option, string problem, string remedy)
    {
        if (!isValid)
        {
            throw new Errors.MigrationException(
                Errors.MigrationErrorId.InvalidOption, $"The option {option} {problem}.", remedy, option);
        }
    }
}

/// <summary>How memory travels. Numbers travel on the wire.</summary>
public enum MigrationMethod : long
{
    /// <summary>Rounds of dirty pages before the domain moves.</summary>
    PreCopy = 1,

    /// <summary>All pages after the domain has moved.</summary>
    PostCopy = 2,

    /// <summary>Recorded pages first, the rest after the domain has moved.</summary>
    PreRecord = 3,

    /// <summary>Rounds as in pre-copy, but few; what they leave, after the domain has moved.</summary>
    Hybrid = 4,
}

/// <summary>What a recording does to the domain.</summary>
public enum RecordingMode : long
{
    /// <summary>Pre-execute from a checkpoint and discard: the state that travels is the window's start.</summary>
    Rollback = 1,

    /// <summary>Record the live domain: the state that travels is the window's end.</summary>
    Observe = 2,
}

/// <summary>How it is proved that a domain's checkpoint can be had again.</summary>
public enum RollbackProofKind : long
{
    /// <summary>By the hypervisor's own dirty log: what it says was written must have an original, and some of all pages are compared. Takes no
    /// longer for a domain with more memory.</summary>
    Witness = 1,

    /// <summary>By the hashes of all pages at the checkpoint and after the window, while the domain stands still.</summary>
    Full = 2,

    /// <summary>Not at all.</summary>
    None = 3,
}

/// <summary>What is done where a domain would stand still for longer than it may.</summary>
public enum LongDowntimeAction : long
{
    /// <summary>It moves all the same, with a warning that says for how long it is predicted to stand still.</summary>
    Continue = 1,

    /// <summary>It does not move: the migration ends with an error that says so, and the domain, which was not stopped, runs on at the source.</summary>
    Stop = 2,
}

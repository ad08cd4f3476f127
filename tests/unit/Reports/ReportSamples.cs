using PreRecordMigration.Estimates;
using PreRecordMigration.History;
using PreRecordMigration.Measuring;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Replay;
using PreRecordMigration.Reporting;
using PreRecordMigration.Reports;

namespace PreRecordMigration.Tests.Reports;

/// <summary>What reports are made of, with all that may be in it.</summary>
internal static class ReportSamples
{
    /// <summary>A name that would be markup, an escape sequence, a formula, an end of a comment, a line and a text in another direction.</summary>
    public const string Hostile = "=cmd|'/c calc'!A1<script>alert(\"1\")</script><img src=x onerror=alert(1)>--></style>]]>&amp;\u001b[31m\r\n\u202Eevil\ud800\uffff,\"x\"";

    public static DateTimeOffset Made { get; } = new(2026, 11, 30, 12, 0, 0, TimeSpan.FromHours(1));

    /// <summary>A move of a domain with as much memory as is given, with as many details as there may be.</summary>
    public static MigrationOutcome Move(string name = "web01", MigrationMethod method = MigrationMethod.PreRecord, long bytes = 64L << 30)
    {
        int pages = (int)(bytes / 4096);
        return new MigrationOutcome(1, Made, Made.AddSeconds(40), new MigrationResult
        {
            Name = name,
            Source = "xen1",
            Destination = "xen2",
            Method = method,
            Mode = method == MigrationMethod.PreRecord ? RecordingMode.Rollback : null,
            ModeReason = "A sample says so.",
            Phases =
            [
                Phase(MigrationPhase.Prepare, 0, 0.4), Phase(MigrationPhase.Checkpoint, 0.4, 0.3), Phase(MigrationPhase.Record, 0.7, 2), Phase(MigrationPhase.Prove, 2.7, 0.05),
                Phase(MigrationPhase.Handover, 2.7, 0.12), Phase(MigrationPhase.Push, 2.82, 36), Phase(MigrationPhase.Finish, 38.82, 0.2),
            ],
            TotalTime = Seconds(39.1),
            Downtime = Seconds(0.11),
            DowntimeParts = DowntimeParts.Of(part => Seconds(0.002 * (1 + (int)part))),
            CheckpointPause = Seconds(0.08),
            DiscardedExecution = Seconds(2),
            OutputsHeldBack = Seconds(2.2),
            Exposure = Seconds(36.1),
            BytesSent = bytes,
            PageBytes = bytes,
            PageBytesSent = bytes / 2,
            Pages = new SentPages(100, 0, 0, 4000, 900, pages - 5500L, 500, 17),
            PagesPushed = pages,
            PagesDemanded = 500,
            CorePages = 100,
            PageTablePages = 60,
            RecordedPages = 4000,
            BackedUpPages = 300,
            RemoteFaults = 540,
            FaultLatency = new FaultLatency(Seconds(0.001), Seconds(0.0007), Seconds(0.02), Seconds(0.041), Seconds(0.54)),
            RollbackProof = new RollbackProof(RollbackProofKind.Witness, 12, "aa", "aa", 3),
            Details = Details(pages),
        });
    }

    /// <summary>As much as details may have.</summary>
    public static MigrationDetails Details(int pages)
    {
        int cell = pages / MigrationDetails.MaximumCells;
        return new MigrationDetails(
            new FaultDetails(
                [.. Enum.GetValues<FaultCause>().Select(cause => new FaultCauseCount(cause, 100 + (long)cause))],
                [.. Enumerable.Range(4, 16).Select(power => new LatencyBucket(Micros(1L << power), Micros(2L << power), 1000 - (40 * Math.Abs(power - 10))))],
                [.. Enumerable.Range(-1, 9).Select(vcpu => new VcpuStall(vcpu, 60, Seconds(0.06 + (0.001 * vcpu))))],
                [.. Enumerable.Range(0, FaultDetails.MaximumIntervals).Select(step => new FaultInterval(Seconds(2.9 + (step * 0.13)), Seconds(0.13), 2 + (17 * step % 23), Seconds(0.01)))]),
            new PredictionScore(4000, 3600, 900, 300, 5200),
            [.. Enumerable.Range(0, MigrationDetails.MaximumSamples).Select(step => new SpeedSample(
                Seconds((step + 1) * 39 / 512.0), step is > 38 and < 60 ? 12_345.678 : 40_000 + (step * 13 % 997), step < 36 ? DomainHolder.Source : step < 500 ? DomainHolder.Both : DomainHolder.Destination))],
            new GuestSpeed(40_000, 36_000, 39_800, 0.69, Seconds(1.6), Seconds(1.7)),
            [.. Enumerable.Range(0, MigrationDetails.MaximumCells).Select(index => new MemoryCell(index * cell, cell, Sent(index, cell), Seconds(index / 60.0)))],
            Seconds(38.9));
    }

    /// <summary>One of each kind that a report is made of.</summary>
    public static ReportContent All(string name = "web01", string error = "The connection was lost.") => new()
    {
        Made = Made,
        Module = "1.2.3",
        Moves = [Move(name), Move(name, MigrationMethod.PostCopy), Move("db01", MigrationMethod.PreCopy)],
        Unfinished = [Unfinished(name, error)],
        Estimates = [Estimate(name, error)],
        Orders = [Order(name, ReplayOrder.Oracle, 0.1), Order(name, ReplayOrder.Auto, 0.2)],
        History = [Entry(name, HistoryFate.Moved, null), Entry(name, HistoryFate.Interrupted, error)],
        Comparisons = [Comparison(name, error)],
        Runs = [Run(name, 1, MeasuredMethod.XlMigrate, null)],
    };

    /// <summary>Three methods, five times each, after one run to warm up; one run failed.</summary>
    public static MigrationComparison Comparison(string name, string error)
    {
        MeasuredMethod[] methods = [MeasuredMethod.PreCopy, MeasuredMethod.Observe, MeasuredMethod.XlMigrate];
        MeasuredRun[] runs =
        [
            Run(name, 0, MeasuredMethod.PreCopy, null),
            .. Enumerable.Range(1, 5).SelectMany(block => methods.Select(method => Run(name, block, method, block == 4 && method == MeasuredMethod.Observe ? error : null))),
        ];
        (Listed<MeasuredSummary> summaries, Listed<MeasuredDifference> differences) = MigrationComparison.Compare(runs, [.. methods.Select(method => new MeasuredVariant(method, null))]);
        return new MigrationComparison
        {
            Name = name,
            Source = "xen1",
            Destination = "xen2",
            Against = "PreCopy",
            Repeat = 5,
            Seed = 42,
            Started = Made.AddHours(-1),
            Ended = Made,
            Failures = 1,
            Stopped = error,
            Summaries = summaries,
            Differences = differences,
            Made = [.. runs],
        };
    }

    private static MeasuredRun Run(string name, int block, MeasuredMethod method, string? error)
    {
        MeasuredRun run = new()
        {
            Run = (10 * block) + (int)method,
            Name = name,
            Source = block % 2 == 0 ? "xen1" : "xen2",
            Destination = block % 2 == 0 ? "xen2" : "xen1",
            Method = method,
            Block = block,
            Started = Made,
            ProbeGap = 0.01 * (1 + block + (int)method),
            Error = error,
        };
        return error is not null ? run
            : method == MeasuredMethod.XlMigrate ? run with { TotalTime = 30 + block, Downtime = 1 + (0.1 * block) }
            : run.With(Move(name, method == MeasuredMethod.PreCopy ? MigrationMethod.PreCopy : MigrationMethod.PreRecord, 1L << 30) with { Downtime = 0.1 + (0.01 * block * (1 + (int)method)) });
    }

    public static MigrationInfo Unfinished(string name, string error) => new()
    {
        Id = 7,
        InstanceId = Guid.Parse("7d3c1e44-9b1c-4a5e-8f0a-0d7c1f2b3a4d"),
        Name = name,
        Source = "xen1",
        Destination = "xen2",
        Method = MigrationMethod.Hybrid,
        State = MigrationState.Interrupted,
        Holder = DomainHolder.Both,
        Started = Made,
        Ended = Made.AddSeconds(3),
        Elapsed = 3,
        Error = error,
    };

    public static MigrationReport Estimate(string name, string error) => new()
    {
        Name = name,
        HostName = "xen1",
        Destination = "xen2",
        Reasons = ["Pre-record lets clients wait the shortest."],
        Expected =
        [
            new MigrationEstimate { Method = MigrationMethod.PreCopy, TotalTime = Seconds(20), Downtime = Seconds(1.2), Exposure = Seconds(0.001), BytesSent = 1 << 30, Converges = false },
            new MigrationEstimate { Method = MigrationMethod.PreRecord, Mode = RecordingMode.Observe, TotalTime = Seconds(9), Downtime = Seconds(0.02), Exposure = Seconds(7), BytesSent = 1 << 29, RemoteFaults = 40, Stalled = Seconds(0.2) },
        ],
        Recommended = new MigrationEstimate { Method = MigrationMethod.PreRecord, Mode = RecordingMode.Observe, TotalTime = Seconds(9), Downtime = Seconds(0.02), Exposure = Seconds(7), BytesSent = 1 << 29 },
        Incompatibilities = [new MigrationIncompatibility("DeviceMissing", error, $"Make the bridge of '{name}'.", name) { Against = ["PostCopy", "PreRecord Rollback"] }],
        MemoryBytes = 1 << 30,
        SampleWindow = 0.5,
        TouchedPages = 4000,
        DirtyPages = 1000,
        Bandwidth = 125_000_000,
        RoundTrip = 0.0005,
    };

    public static ReplayResult Order(string name, ReplayOrder order, double stalled) => new()
    {
        Name = name,
        Order = order,
        RemoteFaults = 10,
        LateArrivals = 4,
        PushedBeforeUse = 90,
        StallTime = Seconds(stalled),
        MedianStall = Seconds(0.001),
        Percentile99Stall = Seconds(0.01),
        LongestStall = Seconds(0.02),
        BackAt90Percent = Seconds(0.3),
        SpeedInFirstSecond = 0.8,
        SpeedTo10Seconds = 0.99,
        SpeedTo60Seconds = null,
        StallToOracle = 2,
        StallToSequential = 0.5,
        StallToBestStatic = 1.5,
        FaultsToOracle = null,
        FaultsToSequential = 0.25,
        PredictedPages = 40,
        Precision = 0.75,
        Recall = 0.5,
        Reason = order == ReplayOrder.Auto ? "LinearRegression: its lines cover 80.1 %." : null,
    };

    public static HistoryEntry Entry(string name, HistoryFate fate, string? error) => new()
    {
        Time = Made,
        Name = name,
        Side = HistorySide.Source,
        Fate = fate,
        Source = "xen1",
        Destination = "xen2",
        Method = MigrationMethod.PostCopy,
        Hypervisor = "Xen",
        Started = Made.AddSeconds(-9),
        TotalTime = 9,
        Downtime = fate == HistoryFate.Moved ? 0.02 : null,
        ClientsWait = fate == HistoryFate.Moved ? 0.3 : null,
        Exposure = fate == HistoryFate.Moved ? 7 : null,
        BytesSent = 1 << 29,
        RemoteFaults = fate == HistoryFate.Moved ? 40 : null,
        ErrorId = error is null ? null : "ConnectionLost",
        Error = error,
    };

    private static SentPages Sent(int index, int pages) => (index / 7 % 6) switch
    {
        0 => SentPages.None,
        1 => SentPages.None with { Recorded = pages },
        2 => SentPages.None with { Predicted = pages - 1, Demanded = 1 },
        3 => SentPages.None with { Demanded = pages },
        4 => SentPages.None with { Core = 1 },
        _ => SentPages.None with { Rest = pages },
    };

    private static MigrationPhaseTime Phase(MigrationPhase phase, double start, double duration) => new(phase, Seconds(start), Seconds(duration));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TimeSpan Micros(long micros) => TimeSpan.FromMicroseconds(micros);
}

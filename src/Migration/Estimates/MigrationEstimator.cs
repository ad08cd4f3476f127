using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Estimates;

/// <summary>
/// Predicts what a migration costs from a short sample of the running domain and the speed of the link. This project's
/// definition; docs/powershell.md says what it leaves out.
/// </summary>
public static class MigrationEstimator
{
    /// <summary>Round trips of connecting, agreeing and preparing.</summary>
    private const int PrepareTrips = 4;

    /// <summary>Round trips of the handover: the last core state's answer, and Commit with its answer.</summary>
    private const int HandoverTrips = 2;

    /// <summary>Predicts without a sample: what the size of the domain alone tells.</summary>
    /// <param name="pages">Pages that the domain has.</param>
    /// <param name="options">How it would move.</param>
    /// <param name="link">The speed of the link.</param>
    /// <returns>An upper limit of the exposure, but in hybrid where the domain writes faster than the link carries: then rounds leave more than is
    /// reckoned with here. No faults.</returns>
    public static MigrationEstimate OfSize(long pages, MigrationOptions options, LinkSpeed link)
    {
        TimeSpan push = link.TimeOf(pages);
        TimeSpan handover = (options.IsSplit ? link.TimeOf(CorePages(pages)) : TimeSpan.Zero) + (link.RoundTrip * HandoverTrips);
        TimeSpan window = options.Method == MigrationMethod.PreRecord ? options.Window : TimeSpan.Zero;
        return new MigrationEstimate
        {
            Method = options.Method,
            Mode = options.Method == MigrationMethod.PreRecord ? options.Mode : null,
            TotalTime = (link.RoundTrip * PrepareTrips) + window + handover + push,
            Downtime = options.IsSplit || options.Method == MigrationMethod.PreCopy ? handover : handover + push,
            Exposure = link.RoundTrip + (!options.IsSplit ? TimeSpan.Zero : options.HasRounds ? link.TimeOf(options.MostLeft(pages)) : push),
            DiscardedExecution = options is { Method: MigrationMethod.PreRecord, Mode: RecordingMode.Rollback } ? window : TimeSpan.Zero,
            BytesSent = pages * Page.Size,
        };
    }

    /// <summary>Predicts from a sample.</summary>
    /// <param name="sample">What the domain did.</param>
    /// <param name="options">How it would move.</param>
    /// <param name="link">The speed of the link.</param>
    public static MigrationEstimate Of(MigrationSample sample, MigrationOptions options, LinkSpeed link)
    {
        MigrationEstimate plain = OfSize(sample.Populated.Count, options, link);
        if (options.HasRounds)
        {
            return InRounds(sample, options, link, plain);
        }

        bool isRollback = options.Method == MigrationMethod.PreRecord && options.Mode == RecordingMode.Rollback;
        (TimeSpan proof, TimeSpan check) = isRollback ? Proof(sample, options) : (TimeSpan.Zero, TimeSpan.Zero);
        TimeSpan downtime = isRollback ? check + (link.RoundTrip * HandoverTrips) : plain.Downtime;
        if (plain.Exposure <= link.RoundTrip)
        {
            return plain with
            {
                RemoteFaults = 0,
                Stalled = TimeSpan.Zero,
                CheckpointPause = proof,
                Downtime = plain.Downtime + check,
                TotalTime = plain.TotalTime + proof + check,
            };
        }

        PageOrder order = options.Method == MigrationMethod.PreRecord
            ? PageOrder.Build(sample.Populated, sample.Trajectory, options.Order ?? [PageOrderStrategy.RecordedFirst])
            : PageOrder.Sequential(sample.Populated);

        // In Rollback, what is recorded travels while the window still runs.
        int ahead = isRollback ? (int)Math.Min(order.RecordedCount, options.Window / link.TimeOf(1)) : 0;
        ReadOnlySpan<int> rest = order.Pfns[ahead..];
        (long faults, TimeSpan stalled) = ArrivalModel.Run(rest, sample.Trajectory, link);
        TimeSpan push = link.TimeOf(rest.Length);
        return plain with
        {
            TotalTime = (link.RoundTrip * PrepareTrips) + proof + (options.Method == MigrationMethod.PreRecord ? options.Window : TimeSpan.Zero) + downtime + push,
            CheckpointPause = proof,
            Downtime = downtime,
            Exposure = push + link.RoundTrip,
            RemoteFaults = faults,
            Stalled = stalled,
        };
    }

    /// <summary>How long the domain stands still for the proof of its rollback: at the checkpoint, and after the window. By a second witness the latter
    /// looks at the originals as well, of which there are as many as pages that were written.</summary>
    private static (TimeSpan AtCheckpoint, TimeSpan AfterWindow) Proof(MigrationSample sample, MigrationOptions options)
    {
        int all = sample.Populated.Count;
        int some = Math.Min(all, options.ProofSamplePages);
        return options.RollbackProof switch
        {
            RollbackProofKind.None => (TimeSpan.Zero, TimeSpan.Zero),
            RollbackProofKind.Witness when sample.IsWitnessed => (sample.HashTime * some, sample.HashTime * (some + sample.DirtyPages)),
            _ => (sample.HashTime * all, sample.HashTime * all),
        };
    }

    /// <summary>Predicts rounds, each of which sends what was written during the one before, and what follows from what they leave: in pre-copy
    /// the domain stands still for it, in hybrid it is missing for a while.</summary>
    private static MigrationEstimate InRounds(MigrationSample sample, MigrationOptions options, LinkSpeed link, MigrationEstimate plain)
    {
        double left = sample.Populated.Count;
        double sent = 0;
        double last;
        int rounds = 0;
        do
        {
            last = left;
            sent += last;
            left = DirtyAfter(sample, link.TimeOf(last));
        }
        while (options.HasAnotherRound(++rounds, last, left, link.TimeOf(left) > options.MaximumDowntime));

        TimeSpan rest = link.TimeOf(left);
        TimeSpan downtime = link.TimeOf(CorePages(sample.Populated.Count)) + (link.RoundTrip * HandoverTrips) + (options.IsSplit ? TimeSpan.Zero : rest);
        (long faults, TimeSpan stalled) = options.IsSplit
            ? ArrivalModel.Run(PageOrder.Build(sample.Populated, sample.Trajectory, [PageOrderStrategy.RecordedFirst]).Pfns[..(int)left], sample.Trajectory, link)
            : (0, TimeSpan.Zero);
        return plain with
        {
            TotalTime = (link.RoundTrip * PrepareTrips) + link.TimeOf(sent) + downtime + (options.IsSplit ? rest : TimeSpan.Zero),
            Downtime = downtime,
            Exposure = options.IsSplit ? rest + link.RoundTrip : link.RoundTrip,
            BytesSent = (long)(sent + left) * Page.Size,
            RemoteFaults = faults,
            Stalled = stalled,
            Converges = options.IsSplit || left <= options.DirtyPageThreshold || rest <= options.MaximumDowntime,
        };
    }

    /// <summary>Distinct pages written in a time: as sampled, then on at the rate of the sample's second half.</summary>
    private static double DirtyAfter(MigrationSample sample, TimeSpan time)
    {
        IReadOnlyList<int> growth = sample.DirtyGrowth;
        if (growth.Count == 0)
        {
            return sample.Populated.Count;
        }

        double epochs = time / sample.Trajectory.EpochLength;
        int whole = (int)Math.Min(epochs, growth.Count);
        if (whole < growth.Count)
        {
            double before = whole == 0 ? 0 : growth[whole - 1];
            return before + ((growth[whole] - before) * (epochs - whole));
        }

        int half = growth.Count / 2;
        double rate = (growth[^1] - (half == 0 ? 0 : growth[half - 1])) / (double)(growth.Count - half);
        return Math.Min(growth[^1] + (rate * (epochs - growth.Count)), sample.Populated.Count);
    }

    /// <summary>Pages of the core state, roughly: a page-table page for every 512, and a few more.</summary>
    private static double CorePages(double pages) => (pages / 512) + 16;
}

using System.Runtime.ExceptionServices;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>Moves a domain to a destination. The methods are compositions of the same steps.</summary>
public static class MigrationSource
{
    /// <summary>Moves a running domain.</summary>
    /// <param name="domain">The domain; the migration takes it over and disposes it.</param>
    /// <param name="destination">The way to a receiver.</param>
    /// <param name="options">What the administrator chose.</param>
    /// <param name="progress">Told at most five times a second; null for nobody.</param>
    /// <param name="cancellationToken">Until the commit: gives up, and the domain runs on here when the task has ended.
    /// After the commit the migration is finished all the same.</param>
    /// <exception cref="MigrationException">Before the commit: the domain runs on here. After it the message says what is
    /// where.</exception>
    public static Task<MigrationResult> MigrateAsync(
        ISourceDomain domain,
        Route destination,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        return RunAsync(new SourceCustody(domain), Begin, Compose);

        SourceMigration Begin(SourceCustody custody)
        {
            options.Validate();
            PreRecordSession? recorded = options.Method == MigrationMethod.PreRecord ? PreRecordSession.Open(custody, options) : null;
            return new SourceMigration(custody, recorded, destination, options, progress, cancellationToken);
        }

        void Compose(SourceMigration run)
        {
            switch (options.Method)
            {
                case MigrationMethod.PreCopy or MigrationMethod.Hybrid:
                    InRounds(run);
                    break;
                case MigrationMethod.PostCopy:
                    PostCopy(run);
                    break;
                case MigrationMethod.PreRecord when options.Mode == RecordingMode.Rollback:
                    PreRecordRollback(run);
                    break;
                default:
                    PreRecordObserve(run);
                    break;
            }
        }
    }

    /// <summary>Moves a domain from a recording made before: in Rollback from its checkpoint, in Observe as it is now.</summary>
    /// <param name="recorded">The recording; the migration takes it over and disposes it.</param>
    /// <param name="destination">The way to a receiver.</param>
    /// <param name="options">What the administrator chose; method and mode are the recording's.</param>
    /// <param name="progress">Told at most five times a second; null for nobody.</param>
    /// <param name="cancellationToken">As above.</param>
    /// <exception cref="MigrationException">As above.</exception>
    public static Task<MigrationResult> MigrateAsync(
        PreRecordSession recorded,
        Route destination,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        return RunAsync(recorded.Custody, Begin, Compose);

        SourceMigration Begin(SourceCustody custody)
        {
            options.Validate();
            MigrationOptions preRecord = options with { Method = MigrationMethod.PreRecord, Mode = recorded.Options.Mode };
            return new SourceMigration(custody, recorded, destination, preRecord, progress, cancellationToken);
        }

        void Compose(SourceMigration run)
        {
            run.Log.Run(MigrationPhase.Prepare, run.Prepare);
            if (recorded.Checkpoint is CoreState checkpoint)
            {
                run.Log.Run(MigrationPhase.Handover, () =>
                {
                    run.NoteStop();
                    HandOver(run, () => checkpoint);
                });
                run.Log.Run(MigrationPhase.Push, () => run.PushRest(RestOrder(run)));
            }
            else
            {
                StopAndMove(run);
            }
        }
    }

    /// <summary>
    /// Takes over the migration of a domain that was leaving when its process was killed: its half here stands as that process left it, and
    /// the migration goes on as an interrupted one does.
    /// </summary>
    /// <param name="host">Where it stands.</param>
    /// <param name="name">Its name.</param>
    /// <param name="destination">The way to the receiver that has the other half.</param>
    /// <param name="options">What the administrator chooses; how memory travels is the migration's.</param>
    /// <exception cref="MigrationException">It was not leaving, or nothing is noted that another tool could go on with, or one does already.</exception>
    public static InterruptedMigration TakeOver(IMigrationHost host, string name, Route destination, MigrationOptions options)
    {
        options.Validate();
        LeftDomain left = host.OpenLeaving(name);
        SourceCustody custody = new(left);
        try
        {
            return new InterruptedMigration(new SourceMigration(custody, left.Departure.Continuation!, destination, options));
        }
        catch (Exception error)
        {
            throw CleanUp.After(error, custody.LeaveAsFound);
        }
    }

    /// <summary>
    /// Takes a domain back that was leaving when its process was killed: the administrator says that it never ran at its destination. It runs
    /// on here as if nothing had been.
    /// </summary>
    /// <param name="host">Where it stands.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="MigrationException">It was not leaving, or cannot be woken; then the next tool tries that again.</exception>
    public static void TakeBack(IMigrationHost host, string name) => new SourceCustody(host.OpenLeft(name)).Dispose();

    /// <summary>Rounds of dirty pages while the domain runs. What they leave travels while it stands (pre-copy), or after it has moved
    /// (hybrid).</summary>
    private static void InRounds(SourceMigration run)
    {
        run.Log.Run(MigrationPhase.Prepare, run.Prepare);
        DirtyRounds rounds = run.BeginRounds();
        run.Log.Run(MigrationPhase.Rounds, rounds.Run);
        run.Log.Run(MigrationPhase.Handover, () =>
        {
            Suspend(run);
            rounds.Look();
            HandOver(run, run.CaptureCoreState);
        });
        run.Log.Run(MigrationPhase.Push, () => run.PushRest(RestOrder(run)));
    }

    /// <summary>Stops, moves, and sends the memory afterwards.</summary>
    private static void PostCopy(SourceMigration run)
    {
        run.Log.Run(MigrationPhase.Prepare, run.Prepare);
        StopAndMove(run);
    }

    /// <summary>Records the live domain, then moves it with what was recorded first.</summary>
    private static void PreRecordObserve(SourceMigration run)
    {
        run.Log.Run(MigrationPhase.Prepare, run.Prepare);
        run.Log.Run(MigrationPhase.Record, () =>
        {
            run.Recorded!.Begin(run.Log.Progress, run.Token);
            run.Recorded.Recording.RunWindow(run.Log.Progress, _ => { }, run.Token);

            // The traps are removed while the domain still runs: during its suspension every touch of a trapped page would cost downtime.
            run.Recorded.Recording.End();
        });
        StopAndMove(run);
    }

    /// <summary>
    /// Takes a checkpoint, pre-executes and records while core state and recorded pages travel already, then moves the
    /// checkpoint: the destination resumes from the window's start.
    /// </summary>
    private static void PreRecordRollback(SourceMigration run)
    {
        run.Log.Run(MigrationPhase.Prepare, run.Prepare);
        run.Log.Run(MigrationPhase.Checkpoint, () => run.Recorded!.Begin(run.Log.Progress, run.Token));
        run.Log.Run(MigrationPhase.Record, () =>
        {
            if (run.Options.IsSplit)
            {
                run.SendCore(run.Recorded!.Checkpoint!);
            }

            run.Recorded!.Recording.RunWindow(run.Log.Progress, run.Options.IsSplit ? run.Feed : _ => { }, run.Token);
        });
        run.Log.Run(MigrationPhase.Handover, () =>
        {
            run.NoteStop();
            run.Recorded!.Stop();
            run.Stop.EndStop(TimeSpan.Zero);
            run.Recorded.Prove(run.Log.Progress, run.Token);
            run.Stop.End(DowntimeClock.Part.Prove);
            run.Log.Report();
            if (run.Options.IsSplit)
            {
                run.Commit();
            }
            else
            {
                HandOver(run, () => run.Recorded.Checkpoint!);
            }
        });
        run.Log.Run(MigrationPhase.Push, () => run.PushRest(RestOrder(run)));
    }

    private static void StopAndMove(SourceMigration run)
    {
        run.Log.Run(MigrationPhase.Handover, () =>
        {
            Suspend(run);
            HandOver(run, run.CaptureCoreState);
        });
        run.Log.Run(MigrationPhase.Push, () => run.PushRest(RestOrder(run)));
    }

    /// <summary>Sends the core state of the stopped domain and commits; with RemotePF off every page that is left goes first.</summary>
    private static void HandOver(SourceMigration run, Func<CoreState> capture)
    {
        CoreState core = capture();
        run.Stop.End(DowntimeClock.Part.Capture);
        if (!run.Options.IsSplit)
        {
            run.SendBeforeRun(run.Order().Pfns);
        }

        run.SendCore(core);
        run.Stop.End(DowntimeClock.Part.Send);
        run.Commit();
    }

    private static Ordering.PageOrder? RestOrder(SourceMigration run) => run.Options.IsSplit ? run.Order() : null;

    private static void Suspend(SourceMigration run)
    {
        run.NoteStop();
        run.Custody.Suspend(run.Options.SuspendTimeout, run.Token);
        run.Stop.EndStop(run.Domain.AskTime);
    }

    /// <summary>Runs a new migration on a thread of its own.</summary>
    private static Task<MigrationResult> RunAsync(
        SourceCustody custody, Func<SourceCustody, SourceMigration> begin, Action<SourceMigration> compose)
    {
        SourceMigration run;
        try
        {
            run = begin(custody);
        }
        catch (Exception error)
        {
            ExceptionDispatchInfo.Throw(CleanUp.After(error, custody.Dispose));
            throw;
        }

        return RunAsync(run, compose);
    }

    /// <summary>
    /// Runs steps of a migration, which is given over: it is disposed unless the migration is interrupted. Whatever they throw
    /// goes through the one abort path.
    /// </summary>
    internal static Task<MigrationResult> RunAsync(SourceMigration run, Action<SourceMigration> compose) => Task.Factory.StartNew(
        () => Run(run, compose), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static MigrationResult Run(SourceMigration run, Action<SourceMigration> compose)
    {
        MigrationResult? result = null;
        Exception? error = null;
        CleanUp cleaning = new();
        try
        {
            compose(run);
            result = run.Finish();
        }
#pragma warning disable CA1031 // Every failure, of whatever type, must end with the domain where the session says.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error = run.Abort(e, cleaning);
            result = error is null ? run.Describe() : null;
        }

        if (error is not MigrationInterruptedException)
        {
            cleaning.Try(run.Dispose);
            error = error is null ? null : CleanUp.Attach(error, cleaning.Errors);

            // A step that failed again in the same way counts as one problem.
            result = result is null
                ? null
                : result with { Problems = [.. result.Problems.Concat(cleaning.Errors.Select(run.LeftBehind)).DistinctBy(problem => problem.Message)] };
        }

        if (error is not null)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        return result!;
    }
}

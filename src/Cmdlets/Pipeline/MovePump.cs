using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets the pipeline's thread wait for migrations: it writes their progress, and what becomes of each as it ends. Several
/// share one overall bar.
/// </summary>
internal sealed class MovePump : IDisposable
{
    private const int OverallId = 0x4D67;
    private readonly MigrationCmdlet _cmdlet;
    private readonly Action<MigrationJob> _onEnded;
    private readonly bool _isTraced;
    private readonly BlockingCollection<Action> _posted = [];
    private readonly PipelineWriter _writer;
    private readonly List<MigrationJob> _active = [];
    private readonly MovesElsewhere _elsewhere;
    private int _ended;
    private int _watched;
    private bool _hasOverall;

    /// <summary>Begins with nothing to wait for.</summary>
    /// <param name="cmdlet">The cmdlet that waits.</param>
    /// <param name="isTraced">Whether anybody reads what is written to the debug stream.</param>
    /// <param name="onEnded">What to write when a migration has ended; on the pipeline's thread.</param>
    public MovePump(MigrationCmdlet cmdlet, bool isTraced, Action<MigrationJob> onEnded)
    {
        _isTraced = isTraced;
        _cmdlet = cmdlet;
        _onEnded = onEnded;
        _writer = new PipelineWriter(cmdlet, _posted);
        _elsewhere = new MovesElsewhere(cmdlet, _writer, progress =>
        {
            _ended++;
            _cmdlet.WriteProgress(progress.Completed);
            ShowOverall();
        });
    }

    /// <summary>How many have not ended.</summary>
    public int ActiveCount => _active.Count + _elsewhere.Active.Count;

    /// <summary>Those that have not ended, as they are now.</summary>
    public IEnumerable<MigrationInfo> Active => _active.Select(job => job.Describe()).Concat(_elsewhere.Active);

    /// <summary>Starts a migration and waits for it from now on.</summary>
    /// <exception cref="OperationException">The recording it starts from is not held any more.</exception>
    public void Start(PlannedMove move)
    {
        DomainProgress progress = ProgressOf(move.Location, move.Destination);
        MigrationJob job = Workspace.OfProcess.Migrations.Start(move, progress.Report, TracerOf(move.Location), Warn);
        Await(job, progress, null);
    }

    /// <summary>Waits for a migration that is under way.</summary>
    public void Add(MigrationJob job)
    {
        if (!_active.Contains(job))
        {
            DomainProgress progress = ProgressOf(job.Location, job.Destination);
            Await(job, progress, job.Watch(progress.Report, TracerOf(job.Location), Warn));
        }
    }

    /// <summary>Waits for a migration of another process.</summary>
    public void Add(MigrationElsewhere found)
    {
        if (!_elsewhere.Has(found))
        {
            _elsewhere.Add(found, ProgressOf(found.Migration.Name, found.Migration.Source, found.Migration.Destination));
        }
    }

    /// <summary>Writes what comes until no more than so many are active.</summary>
    /// <param name="active">How many may be left.</param>
    /// <param name="cancellationToken">Ends the wait; the migrations go on.</param>
    /// <param name="deadline">Ends the wait; null for no limit.</param>
    public void PumpUntil(int active, CancellationToken cancellationToken, Deadline? deadline = null)
    {
        while (ActiveCount > active)
        {
            if (!_posted.TryTake(out Action? write, deadline?.LeftMilliseconds ?? Timeout.Infinite, cancellationToken))
            {
                return;
            }

            write();
        }
    }

    /// <summary>As <see cref="PumpUntil"/> without a deadline; whatever ends the wait early stops all first.</summary>
    public void PumpOrStop(int active, CancellationToken cancellationToken)
    {
        try
        {
            PumpUntil(active, cancellationToken);
        }
        catch
        {
            // Ctrl+C, a closed pipeline, or an error that the caller asked to stop at: all migrations are stopped before it is thrown on.
            StopAll();
            throw;
        }
    }

    /// <summary>Asks all to stop, and waits as long as <see cref="StopPatience"/> says. Who has the domain of one that goes on is said; nothing else
    /// is written any more.</summary>
    public void StopAll()
    {
        foreach (MigrationJob job in _active)
        {
            job.Cancel();
        }

        StopPatience.Join(_active.Select(job => job.Ended));
        MigrationJob[] left = [.. _active.Where(job => job.IsActive)];
        _active.Clear();
        foreach (MigrationJob job in left)
        {
            _cmdlet.Warn(job.ExplainGoingOn());
        }
    }

    /// <summary>Ends the overall bar.</summary>
    public void CompleteProgress()
    {
        if (_hasOverall)
        {
            _cmdlet.WriteProgress(new ProgressRecord(OverallId, SR.ProgressOverall, SR.ProgressDone) { RecordType = ProgressRecordType.Completed });
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _elsewhere.Dispose();
        _posted.Dispose();
    }

    private void Warn(MigrationWarning warning) => _writer.Post(() => _cmdlet.WriteWarning(warning.Message));

    private Action<MigrationTrace>? TracerOf(DomainLocation location) =>
        _isTraced ? step => _writer.Debug(location.Info.Name, step) : null;

    private DomainProgress ProgressOf(DomainLocation location, Destination destination) =>
        ProgressOf(location.Info.Name, location.Host.Name, destination.Name);

    private DomainProgress ProgressOf(string domain, string source, string destination)
    {
        _watched++;
        ShowOverall();
        return new DomainProgress(
            _writer, domain, Text.Format(SR.ProgressActivity, domain, source, destination), () => _hasOverall ? OverallId : null);
    }

    private void Await(MigrationJob job, DomainProgress progress, IDisposable? watching)
    {
        _active.Add(job);
        job.Ended.ContinueWith(
            _ =>
            {
                watching?.Dispose();
                _writer.Post(() => End(job, progress));
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private void End(MigrationJob job, DomainProgress progress)
    {
        _active.Remove(job);
        _ended++;
        _cmdlet.WriteProgress(progress.Completed);
        ShowOverall();
        _onEnded(job);
    }

    /// <summary>One bar over all, as soon as there is more than one.</summary>
    private void ShowOverall()
    {
        if (_watched > 1)
        {
            _hasOverall = true;
            _cmdlet.WriteProgress(new ProgressRecord(OverallId, SR.ProgressOverall, Text.Format(SR.ProgressOverallStatus, _ended, _watched))
            {
                PercentComplete = _ended * 100 / _watched,
            });
        }
    }
}

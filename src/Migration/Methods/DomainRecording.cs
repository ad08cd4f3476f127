using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>The accesses of one domain over one window: traps it, gathers its records epoch by epoch, removes the traps.</summary>
internal sealed class DomainRecording
{
    private const int DrainRecords = 4096;
    private readonly SourceCustody _custody;
    private readonly MigrationOptions _options;
    private readonly PageBitmap _populated;
    private readonly PageBitmap _seen;
    private readonly List<AccessRecord> _records = [];
    private IAccessRecorder? _recorder;
    private bool _isEpochOrdered;
    private int _epochs;

    public DomainRecording(SourceCustody custody, MigrationOptions options, PageBitmap populated)
    {
        _custody = custody;
        _options = options;
        _populated = populated;
        _seen = new PageBitmap(populated.PageCount);
    }

    /// <summary>What was recorded so far, complete once the window is over.</summary>
    public AccessTrajectory Trajectory => new(
        [.. _records], _populated.PageCount, _options.Epoch, _epochs, _recorder?.IsEpochOrdered ?? _isEpochOrdered);

    /// <summary>How many distinct pages were recorded so far.</summary>
    public int RecordedPages => _seen.Count;

    /// <summary>Whether the window ended before its time, because nearly as much was held back of what the domain sent and wrote as can be.</summary>
    public bool WasCutShort { get; private set; }

    /// <summary>How long the window really was.</summary>
    public TimeSpan WindowTime { get; private set; }

    /// <summary>Traps the domain.</summary>
    /// <param name="backups">Receives originals; null to record only.</param>
    public void Begin(PageBackup? backups) => _recorder = _custody.StartRecording(backups);

    /// <summary>Runs the window, epoch by epoch, and hands recorded pages on as they are first touched.</summary>
    public void RunWindow(IProgress<MigrationProgress>? progress, Action<int[]> onRecorded, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (TimeSpan left = _options.Window; left > TimeSpan.Zero && !WasCutShort; left -= _options.Epoch)
        {
            if (_epochs > 0)
            {
                _recorder!.BeginEpoch();
            }

            _custody.Domain.RunFor(left < _options.Epoch ? left : _options.Epoch, cancellationToken);
            _epochs++;
            if (_custody.AreOutputsNearlyFull)
            {
                // At once: the room that is left is for what is under way.
                _custody.Pause();
                WasCutShort = true;
                _options.Trace?.Report(MigrationTrace.Step("the window ends early: nearly as much is held back as can be"));
            }

            int earlier = _records.Count;
            Drain(onRecorded);
            _options.Trace?.Report(MigrationTrace.Step($"epoch {_epochs} ended, {_records.Count - earlier} accesses"));
            progress?.Report(new MigrationProgress(
                MigrationPhase.Record, _seen.Count, _populated.Count, 0, 0, left > _options.Epoch ? left - _options.Epoch : TimeSpan.Zero));
        }

        WindowTime = TimeProvider.System.GetElapsedTime(start);
    }

    /// <summary>Removes every trap; the domain stays as it is, and what was recorded stays too.</summary>
    public void End()
    {
        if (_recorder is not null)
        {
            _isEpochOrdered = _recorder.IsEpochOrdered;
            _recorder = null;
            _custody.RemoveTraps();
            _options.Trace?.Report(MigrationTrace.Step("accesses are not recorded any more"));
        }
    }

    private void Drain(Action<int[]> onRecorded)
    {
        AccessRecord[] buffer = new AccessRecord[DrainRecords];
        int count;
        while (_recorder is not null && (count = _recorder.Drain(buffer)) > 0)
        {
            List<int> fresh = [];
            foreach (AccessRecord record in buffer.AsSpan(0, count))
            {
                // A record of the epoch that RunFor has just ended may be drained after it; it keeps its own epoch.
                _records.Add(record with { Epoch = Math.Min(record.Epoch, _epochs - 1) });
                if (_seen.TrySet(record.Pfn))
                {
                    fresh.Add(record.Pfn);
                }
            }

            onRecorded([.. fresh]);
        }
    }
}

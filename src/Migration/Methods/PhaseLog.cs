using PreRecordMigration.Reporting;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Methods;

/// <summary>When each phase began and ended, and how far the migration is.</summary>
internal sealed class PhaseLog(IProgress<MigrationProgress>? listener, Func<(long Done, long Total, long Bytes)> status)
    : IProgress<MigrationProgress>
{
    private IProgress<MigrationProgress>? _progress = listener;
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly List<MigrationPhaseTime> _phases = [];
    private MigrationPhase _current;
    private (TimeSpan At, long Bytes, long Done) _last;

    public IReadOnlyList<MigrationPhaseTime> Phases => _phases;

    /// <summary>Takes what a recording reports; null where nobody listens.</summary>
    public IProgress<MigrationProgress>? Progress => _progress is null ? null : this;

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_start);

    /// <summary>The time of a timestamp, from the migration's start; below zero for what was before it.</summary>
    public TimeSpan TimeOf(long timestamp) => TimeProvider.System.GetElapsedTime(_start, timestamp);

    /// <summary>Tells somebody else from now on.</summary>
    public void Tell(IProgress<MigrationProgress>? listener) => _progress = listener;

    /// <summary>Runs one phase and notes its time, however it ends.</summary>
    public void Run(MigrationPhase phase, Action body)
    {
        using TracedSpan? span = MigrationSpans.Begin(phase);
        TimeSpan start = Elapsed;
        _current = phase;
        Report();
        try
        {
            body();
        }
        finally
        {
            _phases.Add(new MigrationPhaseTime(phase, start, Elapsed - start));
        }
    }

    /// <summary>Passes a recording's report on, and adds the bytes sent beside it, of which a recording knows nothing.</summary>
    void IProgress<MigrationProgress>.Report(MigrationProgress value) => _progress?.Report(value with { BytesSent = status().Bytes });

    /// <summary>Reports progress; the rate is that since the last report.</summary>
    public void Report()
    {
        if (_progress is null)
        {
            return;
        }

        (long done, long total, long bytes) = status();
        TimeSpan now = Elapsed;
        double seconds = (now - _last.At).TotalSeconds;
        double rate = seconds > 0 ? (bytes - _last.Bytes) / seconds : 0;
        double pageRate = seconds > 0 ? (done - _last.Done) / seconds : 0;
        TimeSpan? remaining = pageRate > 0 ? TimeSpan.FromSeconds(Math.Min((total - done) / pageRate, 1e6)) : null;
        _last = (now, bytes, done);
        _progress.Report(new MigrationProgress(_current, done, total, bytes, rate, remaining));
    }
}

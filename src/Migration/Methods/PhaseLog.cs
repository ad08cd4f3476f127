using PreRecordMigration.Reporting;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Methods;

/// <summary>When each phase began and ended, and how far the migration is.</summary>
internal sealed class PhaseLog(IProgress<MigrationProgress>? listener, Func<MoveStatus> status)
    : IProgress<MigrationProgress>
{
    private IProgress<MigrationProgress>? _progress = listener;
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly List<MigrationPhaseTime> _phases = [];
    private MigrationPhase _current;
    private (TimeSpan At, MoveStatus Status) _last;

    public IReadOnlyList<MigrationPhaseTime> Phases => _phases;

    /// <summary>Takes what a recording reports; null where nobody listens.</summary>
    public IProgress<MigrationProgress>? Progress => _progress is null ? null : this;

    /// <summary>The timestamp of the migration's start.</summary>
    public long Start => _start;

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
    void IProgress<MigrationProgress>.Report(MigrationProgress value)
    {
        if (_progress is { } listening)
        {
            MoveStatus now = status();
            listening.Report(value with { BytesSent = now.Bytes, Pages = now.Pages, Holder = now.Holder });
        }
    }

    /// <summary>Reports progress; the rate is that since the last report.</summary>
    public void Report()
    {
        if (_progress is null)
        {
            return;
        }

        MoveStatus now = status();
        MoveStatus before = _last.Status;
        TimeSpan at = Elapsed;
        double seconds = (at - _last.At).TotalSeconds;
        double pageRate = PerSecond(now.Done - before.Done);
        TimeSpan? remaining = pageRate > 0 ? TimeSpan.FromSeconds(Math.Min((now.Total - now.Done) / pageRate, 1e6)) : null;
        _last = (at, now);
        _progress.Report(new MigrationProgress(_current, now.Done, now.Total, now.Bytes, PerSecond(now.Bytes - before.Bytes), remaining)
        {
            Pages = now.Pages,
            FaultsPerSecond = PerSecond(now.Faults - before.Faults),
            StalledShare = now.Holder == DomainHolder.Both ? Math.Clamp(PerSecond((now.Stalled - before.Stalled).TotalSeconds), 0, 1) : null,
            Holder = now.Holder,
        });

        double PerSecond(double grown) => seconds > 0 ? grown / seconds : 0;
    }
}

/// <summary>How far a migration is.</summary>
/// <param name="Done">Pages at the destination.</param>
/// <param name="Total">Pages to get there.</param>
/// <param name="Bytes">Bytes sent.</param>
/// <param name="Pages">Pages sent, by when and why.</param>
/// <param name="Faults">Pages asked for.</param>
/// <param name="Stalled">How long a vCPU has waited for them here, on average over all vCPUs.</param>
/// <param name="Holder">Who has the domain.</param>
internal readonly record struct MoveStatus(long Done, long Total, long Bytes, SentPages Pages, long Faults, TimeSpan Stalled, DomainHolder Holder);

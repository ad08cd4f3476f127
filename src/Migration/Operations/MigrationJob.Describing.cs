using PreRecordMigration.Errors;
using PreRecordMigration.History;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>What is said of a migration.</summary>
public sealed partial class MigrationJob
{
    /// <summary>Who has the domain, in words.</summary>
    public string ExplainHolder() => Text.Format(
        _watch.Holder switch
        {
            DomainHolder.Source => SR.HolderSource,
            DomainHolder.SourceStopped => SR.HolderSourceStopped,
            DomainHolder.Leaving => SR.HolderLeaving,
            DomainHolder.Both => SR.HolderBoth,
            DomainHolder.Destination => SR.HolderDestination,
            _ => SR.OutcomeGivenUp,
        },
        Location.Info.Name,
        Location.Host.Name,
        Destination.Name);

    /// <summary>What is said where nobody waits any more for a migration that was asked to stop: who has the domain, what goes
    /// on, and how that ends.</summary>
    public string ExplainGoingOn() => Text.Format(
        HasLeft ? SR.GoesOnMoving : SR.GoesOnStopping,
        Id,
        Location.Info.Name,
        _progress?.Phase,
        ExplainHolder(),
        Location.Host.Name,
        Destination.Name,
        Text.Duration(PeerTimeout));

    /// <summary>The migration as it is now.</summary>
    public MigrationInfo Describe()
    {
        MigrationProgress? progress = _progress;
        JobState state = _state;
        MigrationOutcome? outcome = (state as JobState.Completed)?.Outcome;
        bool isRecorded = _move.Options.Method == MigrationMethod.PreRecord;
        MigrationBounds bounds = _limits.Now;
        MigrationWarning[] warnings = [];
        Change(() => warnings = [.. _warnings]);
        return new MigrationInfo
        {
            Id = Id,
            InstanceId = InstanceId,
            Name = Location.Info.Name,
            Source = Location.Host.Name,
            Destination = Destination.Name,
            Method = _move.Options.Method,
            Mode = isRecorded ? _move.Options.Mode : null,
            State = state.Shown,
            Phase = progress?.Phase,
            Holder = _watch.Holder,
            PagesDone = progress?.PagesDone ?? 0,
            PagesTotal = progress?.PagesTotal ?? 0,
            BytesSent = progress?.BytesSent ?? 0,
            BytesPerSecond = outcome?.BytesPerSecond ?? (_took is { } took ? Rates.Average(progress?.BytesSent ?? 0, took) : (long)(progress?.BytesPerSecond ?? 0)),
            Pages = outcome?.Pages ?? SentPagesOutcome.Of(progress?.Pages ?? SentPages.None),
            FaultsPerSecond = state.IsActive ? progress?.FaultsPerSecond ?? 0 : 0,
            StalledShare = state.IsActive ? progress?.StalledShare : null,
            Remaining = state.IsActive ? progress?.Remaining?.TotalSeconds : null,
            Started = _started,
            Ended = _started + _took,
            Elapsed = outcome?.TotalTime ?? (_took ?? TimeProvider.System.GetElapsedTime(_startedAt)).TotalSeconds,
            BandwidthLimit = bounds.BandwidthLimit,
            MaximumDowntime = _move.Options.HasLastRound ? bounds.MaximumDowntime.TotalSeconds : null,
            MaximumExposure = bounds.MaximumExposure?.TotalSeconds,
            Warnings = [.. warnings.Select(warning => warning.Message)],
            Outcome = outcome,
            Error = Explain(state),
        };
    }

    /// <summary>How it ends, for the history.</summary>
    private HistoryEntry HistoryOf(JobState end)
    {
        MigrationOutcome? outcome = (end as JobState.Completed)?.Outcome;
        TimeSpan took = TimeProvider.System.GetElapsedTime(_startedAt);
        return new HistoryEntry
        {
            Time = _started + took,
            Name = Location.Info.Name,
            Side = HistorySide.Source,
            Fate = end switch
            {
                JobState.Completed => HistoryFate.Moved,
                JobState.Interrupted => HistoryFate.Interrupted,
                JobState.GivenUp => HistoryFate.GivenUp,
                JobState.Failed or JobState.Stopped when _watch.Holder == DomainHolder.Source => HistoryFate.RanOn,
                _ => HistoryFate.Unfinished,
            },
            Source = Location.Host.Name,
            Destination = Destination.Name,
            Method = _move.Options.Method,
            Mode = _move.Options.Method == MigrationMethod.PreRecord ? _move.Options.Mode : null,
            Hypervisor = Location.Host.Hypervisor,
            Attempts = _attempts,
            Started = _started,
            TotalTime = (outcome?.TotalTime) ?? took.TotalSeconds,
            Downtime = outcome?.Downtime,
            Parts = outcome?.DowntimeParts is { } parts
                ? DowntimeParts.Of(part => TimeSpan.FromSeconds(parts.Where(known => known.Part == part).Sum(known => known.Duration)))
                : null,
            ClientsWait = outcome?.ClientsWait,
            Exposure = outcome?.Exposure,
            BytesSent = outcome?.BytesSent ?? _progress?.BytesSent ?? 0,
            RemoteFaults = outcome?.RemoteFaults,
            Details = outcome?.Details,
            ErrorId = (end as JobState.NotGivenUp)?.Left is { } left ? IdOf(left) : end.Error is { } error ? IdOf(error) : null,
            Error = outcome is null ? Explain(end) : outcome.Problems.Length > 0 ? outcome.Problems : null,
        };
    }

    private static string IdOf(Exception error) => error switch
    {
        MigrationException migration => migration.ErrorId.ToString(),
        OperationException operation => operation.ErrorId,
        OperationCanceledException => nameof(MigrationErrorId.Cancelled),
        _ => error.GetType().Name,
    };

    private string? Explain(JobState state) => state switch
    {
        JobState.NotGivenUp failed => Text.Format(SR.OutcomeNotGivenUp, Location.Info.Name, failed.Left.Message),
        JobState.GivingUp or JobState.GivenUp => Text.Format(SR.OutcomeGivenUp, Location.Info.Name),
        JobState.Stopped => Text.Format(SR.OutcomeStopped, Location.Info.Name, Location.Host.Name),
        _ => state.Error?.Message,
    };
}

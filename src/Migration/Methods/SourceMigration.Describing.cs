using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>What a migration came to, and how far it is.</content>
internal sealed partial class SourceMigration
{
    private MigrationResult Describe(SourceState.Finished end)
    {
        // One that was taken over has no recording here: what was recorded went with the process that did it.
        bool isRecorded = Options.Method == MigrationMethod.PreRecord;
        bool isRollback = isRecorded && Recorded?.Backups is not null;
        SentPages pages = PagesSent();
        return new MigrationResult
        {
            Name = Domain.Info.Name,
            Source = Domain.Info.HostName,
            Destination = _destination.ToString(),
            Method = Options.Method,
            Mode = isRecorded ? Recorded?.Options.Mode ?? Options.Mode : null,
            Phases = Log.Phases,
            TotalTime = Log.Elapsed,
            Downtime = Stop.Total,
            DowntimeParts = Stop.Describe(_timesThere ?? _attempt!.TimesThere),
            CheckpointPause = isRollback ? Recorded!.CheckpointPause : TimeSpan.Zero,
            DiscardedExecution = isRollback ? Recorded!.Recording.WindowTime : TimeSpan.Zero,
            OutputsHeldBack = isRollback && Recorded!.HeldSince is { } since ? _runningAt - Log.TimeOf(since) : TimeSpan.Zero,
            WindowCutShort = isRollback && Recorded!.Recording.WasCutShort,
            Exposure = _allThereAt - _committedAt,
            BytesSent = _earlier.Bytes + _attempt!.Connections.BytesSent,
            PageBytes = _earlier.PlainBytes + _attempt.PageBytes.Plain,
            PageBytesSent = _earlier.PageBytes + _attempt.PageBytes.Sent,
            Pages = pages,
            PagesPushed = pages.Pushed,
            Rounds = _rounds?.Count ?? 0,
            PagesBeforeCommit = _earlyPages,
            PagesLeftAtCommit = _leftAtCommit,
            PagesDemanded = pages.Demanded,
            CorePages = _corePages,
            PageTablePages = _pageTablePages,
            RecordedPages = isRecorded ? Recorded?.RecordedPages ?? 0 : 0,
            BackedUpPages = isRollback ? Recorded!.Backups!.Count : 0,
            RemoteFaults = end.Report.RemoteFaults,
            FaultLatency = end.Report.Latency,
            Details = Details(end.Report, pages),
            RollbackProof = isRollback ? Recorded!.Proof : null,
            Problems = [.. Problems(end)],
        };
    }

    /// <summary>The pages of all attempts.</summary>
    private SentPages PagesSent() => _pageLog.Total with { Zero = _batch.ZeroPages + _earlier.ZeroPages + _attempt!.ZeroPages };

    /// <summary>What went wrong after the domain had moved: it changes nothing of that.</summary>
    private IEnumerable<MigrationException> Problems(SourceState.Finished end)
    {
        string name = Domain.Info.Name;
        foreach (Exception error in _attempt!.Afterwards)
        {
            yield return LeftBehind(error);
        }

        foreach (Exception error in _leftOver.Errors)
        {
            yield return new MigrationException(
                MigrationErrorId.ConnectionLost,
                $"{name} has moved; what the connections that were lost meanwhile held here could not be let go of: {error.Message}",
                "It ends with this process.",
                name,
                error);
        }

        if (end.Settled?.Problem is { } problem)
        {
            yield return new MigrationException(
                problem.ErrorId, $"{name} runs at {_destination} under the name {end.Settled.Name}: {problem.Message}", problem.Remedy, name);
        }
        else if (end.Settled is null)
        {
            yield return new MigrationException(
                MigrationErrorId.ConnectionLost,
                $"{name} runs at {_destination}; whether it has got its final name there was not heard.",
                "Look there: it may still be named as an incoming domain.",
                name);
        }
    }

    /// <summary>The destination took back what it had said: nothing that it says decides about the domain any more.</summary>
    private MigrationException WentBackOnItsWord() => new(
        MigrationErrorId.ProtocolViolation,
        $"The destination says that {Domain.Info.Name} never ran there, and had said before that it does.",
        "Look at the destination.", Domain.Info.Name);

    /// <summary>The error of something that could not be taken away here after the domain had moved.</summary>
    public MigrationException LeftBehind(Exception error) => new(
        (error as MigrationException)?.ErrorId ?? MigrationErrorId.HypervisorCall,
        $"{Domain.Info.Name} has moved; what is left of it here could not be taken away: {error.Message}",
        $"It never runs here again. The next command on {Domain.Info.Name} here tries again; destroying it by hand does the same.",
        Domain.Info.Name,
        error);

    private MoveStatus Status()
    {
        long total = _populated.Count;
        long done = _attempt?.Sent is { } sent ? total - sent.Remaining : _earlyPages;
        (long asked, TimeSpan waited) = _attempt?.Requests ?? default;
        return new MoveStatus(
            Math.Min(done, total),
            total,
            _earlier.Bytes + (_attempt?.Connections.BytesSent ?? 0),
            _pageLog.Total,
            _requestsBefore.Count + asked,
            (_requestsBefore.Waited + waited) / Math.Max(1, Domain.Info.VcpuCount),
            Holder);
    }
}

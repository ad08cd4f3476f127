using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>A recording that is being let go.</summary>
/// <param name="Held">The recording.</param>
/// <param name="Done">Done when it has been.</param>
internal sealed record LettingGo(LiveRecording Held, Task Done);

/// <summary>One end of what a workspace has: all is asked to stop, then each is waited for, and what came of it is said.</summary>
/// <param name="workspace">The workspace.</param>
/// <param name="words">What is waited for, and what is said of it.</param>
/// <param name="say">Says a line to whoever caused the end.</param>
/// <param name="hurries">Of which one is set where nothing more is to be waited for.</param>
internal sealed class Ending(Workspace workspace, EndWords words, Action<string> say, params WaitHandle[] hurries)
{
    /// <summary>A wait that nobody notices is not worth a word.</summary>
    private static readonly TimeSpan s_unnoticed = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan s_betweenWords = TimeSpan.FromSeconds(10);

    /// <summary>Until when what was asked to stop is waited for: one end for all, since all was asked at the same time.</summary>
    private readonly Deadline _stopped = new(EndLimits.Stop);

    /// <summary>Ends everything. Returns when there is nothing more to wait for.</summary>
    /// <param name="before">Recordings that an earlier end has not seen let go.</param>
    /// <returns>Those that this one has not either.</returns>
    public IReadOnlyList<LettingGo> Run(IEnumerable<LettingGo> before)
    {
        using CancellationTokenSource receiving = new();
        CleanUp ending = new();
        MigrationJob[] active = [.. workspace.Migrations.All.Where(job => job.IsActive)];
        foreach (MigrationJob job in active.Where(job => words.AwaitsWhatHasLeft || !job.HasLeft))
        {
            ending.Try(job.Cancel);
        }

        // All are asked before any is waited for; what the work of commands has recorded by then is let go by itself.
        OngoingWork.Entry[] working = [.. workspace.Work.All];
        foreach (OngoingWork.Entry work in working)
        {
            ending.Try(work.Stop);
        }

        LettingGo[] lettingGo = [.. before, .. workspace.Recordings.All.Select(held => new LettingGo(held, BeginAside(() => held.Discard())))];
        CancellationToken awaited = words.AwaitsWhatHasLeft ? receiving.Token : CancellationToken.None;
        var stopping = workspace.Receivers.All.Select(receiver => (Receiver: receiver, Done: BeginAside(() => Stop(receiver, awaited)))).ToArray();
        foreach (OngoingWork.Entry work in working)
        {
            ending.Try(() => Join(work));
        }

        foreach (LettingGo held in lettingGo)
        {
            ending.Try(() => Join(held));
        }

        foreach (MigrationJob job in active)
        {
            ending.Try(() => Join(job));
        }

        foreach (MigrationJob job in workspace.Migrations.All.Where(IsInterrupted))
        {
            say(words.Interrupted(job));
        }

        foreach ((MigrationReceiver receiver, Task done) in stopping)
        {
            ending.Try(() => Join(receiver, done));
        }

        receiving.Cancel();
        foreach (Exception error in ending.Errors)
        {
            say(error.Message);
        }

        if (words.AwaitsWhatHasLeft
            && (lettingGo.Select(one => one.Held.Location).Concat(workspace.Migrations.All.Where(IsInterrupted).Concat(active).Select(job => job.Location))
                .Any(location => location.Info.Kind == DomainKind.Simulated)
            || stopping.Any(one => EndWords.LeftIn(one.Receiver).Any(incoming => incoming.IsSimulated))))
        {
            say(SR.ExitSimulated);
        }

        return [.. lettingGo.Where(one => !one.Done.IsCompleted)];
    }

    /// <summary>Stops a receiver; where the process goes on, one that has stopped is listed no more, and its host may have another.</summary>
    private void Stop(MigrationReceiver receiver, CancellationToken cancellationToken)
    {
        bool hasStopped = receiver.StopUnlessKeepingAsync(cancellationToken).GetAwaiter().GetResult().Count == 0;
        if (hasStopped && !words.AwaitsWhatHasLeft)
        {
            workspace.Receivers.Stop(receiver);
        }
    }

    /// <summary>Waits for somebody's work where it holds a domain.</summary>
    private void Join(OngoingWork.Entry work)
    {
        if (work.Said is not { } said)
        {
            return;
        }

        if (!Wait(work.Ended, () => _stopped, () => 0, () => words.Working(said.Remains)))
        {
            say(said.Remains);
        }
        else if (work.Ended.Exception?.InnerException is { } error and not OperationCanceledException)
        {
            say(error.Message);
        }
        else if (said.Stopped is { } stopped && !work.Ended.IsCompletedSuccessfully)
        {
            say(stopped);
        }
    }

    private void Join(LettingGo one)
    {
        string domain = one.Held.Location.Info.Name;
        string host = one.Held.Location.Host.Name;
        bool isDone = Wait(one.Done, () => _stopped, () => 0, () => words.LettingGo(one.Held));
        say(
            !isDone ? Text.Format(SR.ExitNotLetGo, domain, host, SR.ExitNoAnswer, words.What)
            : workspace.Recordings.FailureOf(one.Held) is { } failure ? Text.Format(SR.ExitNotLetGo, domain, host, failure.Message, words.What)
            : Text.Format(SR.ExitLetGo, domain, host, one.Held.Snapshot.HeldUntil, words.What));
    }

    private void Join(MigrationJob job)
    {
        bool hasEnded = Wait(
            job.Ended,
            () => job.HasLeft ? new Deadline(EndLimits.Of(job)) : _stopped,
            () => job.Describe() is var now ? (job.HasLeft, now.Phase, now.PagesDone) : default,
            () => words.Waiting(job),
            () => job.HasLeft);
        if (!hasEnded)
        {
            say(words.WithoutWaiting(job));
        }
        else if (!IsInterrupted(job))
        {
            say(Text.Format(SR.ExitEnded, job.Id, job.Location.Info.Name, job.Describe().Error ?? job.ExplainHolder(), words.What));
        }
    }

    private void Join(MigrationReceiver receiver, Task done)
    {
        bool hasEnded = Wait(
            done,
            () => receiver.Incoming.Any(EndWords.HasRun) ? new Deadline(EndLimits.Of(receiver)) : _stopped,
            () => receiver.Incoming.Sum(incoming => (long)incoming.MissingPages),
            () => words.Waiting(receiver),
            () => receiver.Incoming.Any(EndWords.HasRun));
        if (EndWords.LeftIn(receiver).Length == 0 && hasEnded && done.Exception?.InnerException is { } error)
        {
            say(error.Message);
        }
        else if (words.After(receiver, hasEnded) is { } said)
        {
            say(said);
        }
    }

    private static bool IsInterrupted(MigrationJob job) => job.State == MigrationState.Interrupted;

    private static Task BeginAside(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Waits for an end as long as something comes of it, and says so where that takes longer than nobody would notice.</summary>
    /// <param name="ended">The end.</param>
    /// <param name="limit">
    /// Until when something must have come of it, asked again whenever something has: one end for all that is to stop, and for what
    /// arrives one that each page moves on.
    /// </param>
    /// <param name="progress">What has come of it.</param>
    /// <param name="explain">What is waited for, how long at most, and what one can do.</param>
    /// <param name="hasLeft">Whether there is nothing to stop any more; it is waited for all the same where such is.</param>
    /// <returns>Whether it has ended.</returns>
    private bool Wait(Task ended, Func<Deadline> limit, Func<object> progress, Func<string> explain, Func<bool>? hasLeft = null)
    {
        WaitHandle[] either = [((IAsyncResult)ended).AsyncWaitHandle, .. hurries];
        object last = progress();
        Deadline left = limit();
        Deadline silence = new(s_unnoticed);
        while (hasLeft is null || words.AwaitsWhatHasLeft || !hasLeft())
        {
            int patience = Math.Min(left.LeftMilliseconds, (int)s_unnoticed.TotalMilliseconds) + 1;
            if (WaitHandle.WaitAny(either, patience) != WaitHandle.WaitTimeout)
            {
                break;
            }

            if (progress() is var now && !now.Equals(last))
            {
                (last, left) = (now, limit());
            }

            if (left.LeftMilliseconds == 0)
            {
                return false;
            }

            if (silence.LeftMilliseconds == 0)
            {
                say(explain());
                silence = new Deadline(s_betweenWords);
            }
        }

        return ended.IsCompleted;
    }
}

using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// What becomes of migrations, recordings, receivers and work when the process ends: moves are stopped, or finished where the domain
/// is already leaving; held domains run on; and whatever is waited for, or stays behind, is said.
/// </summary>
internal sealed class WorkspaceEnd
{
    /// <summary>A wait that nobody notices is not worth a word.</summary>
    private static readonly TimeSpan Unnoticed = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan BetweenWords = TimeSpan.FromSeconds(10);

    /// <summary>How long something may take to stop; a hypercall on a large domain takes seconds.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    /// <summary>How long the destination may take over the final name once every page is there, at its longest.</summary>
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(1);

    private readonly Workspace _workspace;
    private readonly Action<string> _say;

    /// <summary>Describes how a workspace ends.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="say">Says a line to whoever ended the process.</param>
    public WorkspaceEnd(Workspace workspace, Action<string> say) => (_workspace, _say) = (workspace, say);

    /// <summary>Whether there is anything that an end would stop, finish or leave behind.</summary>
    public bool Matters =>
        _workspace.Migrations.All.Any(job => job.HoldsDomain)
        || _workspace.Recordings.All.Count > 0
        || _workspace.Work.All.Count > 0
        || _workspace.Receivers.All.Any(receiver => receiver.Incoming.Any(incoming => incoming.IsKept || !incoming.Ended.IsCompleted));

    /// <summary>Ends everything, and says what is waited for and what stays behind. Returns when there is nothing more to wait for.</summary>
    /// <param name="isHurried">Set where nothing more is to be waited for.</param>
    public void End(WaitHandle isHurried)
    {
        try
        {
            EndAll(isHurried);
        }
        finally
        {
            // What it has come to is the last that other processes hear.
            Leave();
        }
    }

    /// <summary>From now on other processes see nothing of this one any more.</summary>
    public void Leave() => _workspace.CloseBoard();

    private void EndAll(WaitHandle isHurried)
    {
        _workspace.Gate.Close();
        using CancellationTokenSource receiving = new();
        CleanUp ending = new();
        MigrationJob[] active = [.. _workspace.Migrations.All.Where(job => job.IsActive)];
        foreach (MigrationJob job in active)
        {
            ending.Try(job.Cancel);
        }

        // All are asked before any is waited for; what the work of commands has recorded by then is let go by itself.
        Deadline stopped = new(StopLimit);
        OngoingWork.Entry[] working = [.. _workspace.Work.All];
        foreach (OngoingWork.Entry work in working)
        {
            ending.Try(work.Stop);
        }

        var lettingGo = _workspace.Recordings.All.Select(held => (Held: held, Done: BeginAside(() => held.Discard()))).ToArray();
        var stopping = _workspace.Receivers.All
            .Select(receiver => (Receiver: receiver, Done: BeginAside(() => receiver.StopUnlessKeepingAsync(receiving.Token).GetAwaiter().GetResult())))
            .ToArray();
        foreach (OngoingWork.Entry work in working)
        {
            ending.Try(() => Join(work, stopped, isHurried));
        }

        foreach ((LiveRecording held, Task done) in lettingGo)
        {
            ending.Try(() => LetGo(held, done, stopped, isHurried));
        }

        foreach (MigrationJob job in active)
        {
            ending.Try(() => Join(job, stopped, isHurried));
        }

        foreach (MigrationJob job in _workspace.Migrations.All.Where(IsUnfinished))
        {
            object[] of = [job.Id, job.Location.Info.Name, job.Location.Host.Name, job.Destination.Name];
            _say(Text.Format(SR.ExitInterrupted, of) + Next(IsSimulated(job), SR.ExitInterruptedNext, of));
        }

        foreach ((MigrationReceiver receiver, Task done) in stopping)
        {
            ending.Try(() => Join(receiver, done, stopped, isHurried));
        }

        receiving.Cancel();
        foreach (Exception error in ending.Errors)
        {
            _say(error.Message);
        }

        if (lettingGo.Select(held => held.Held.Location).Concat(_workspace.Migrations.All.Where(IsUnfinished).Concat(active).Select(job => job.Location))
            .Any(location => location.Info.Kind == DomainKind.Simulated)
            || stopping.Any(one => LeftIn(one.Receiver).Any(incoming => incoming.IsSimulated)))
        {
            _say(SR.ExitSimulated);
        }
    }

    /// <summary>Waits for somebody's work where it holds a domain.</summary>
    private void Join(OngoingWork.Entry work, Deadline stopped, WaitHandle isHurried)
    {
        if (work.Said is not { } said)
        {
            return;
        }

        if (!Wait(work.Ended, () => stopped, () => 0, () => Text.Format(SR.ExitWork, Text.Duration(StopLimit), said.Remains), isHurried))
        {
            _say(said.Remains);
        }
        else if (work.Ended.Exception?.InnerException is { } error and not OperationCanceledException)
        {
            _say(error.Message);
        }
        else if (said.Stopped is { } words && !work.Ended.IsCompletedSuccessfully)
        {
            _say(words);
        }
    }

    private void LetGo(LiveRecording held, Task done, Deadline stopped, WaitHandle isHurried)
    {
        string domain = held.Location.Info.Name;
        string host = held.Location.Host.Name;
        bool isDone = Wait(done, () => stopped, () => 0, () => Text.Format(SR.ExitLettingGo, domain, host, Text.Duration(StopLimit)), isHurried);
        _say(
            !isDone ? Text.Format(SR.ExitNotLetGo, domain, host, SR.ExitNoAnswer)
            : _workspace.Recordings.FailureOf(held) is { } failure ? Text.Format(SR.ExitNotLetGo, domain, host, failure.Message)
            : Text.Format(SR.ExitLetGo, domain, host, held.Snapshot.HeldUntil));
    }

    private void Join(MigrationJob job, Deadline stopped, WaitHandle isHurried)
    {
        string domain = job.Location.Info.Name;
        bool hasEnded = Wait(
            job.Ended,
            () => job.HasLeft ? new Deadline(LimitOf(job)) : stopped,
            () => job.Describe() is var now ? (job.HasLeft, now.Phase, now.PagesDone) : default,
            () => Explain(job),
            isHurried);
        if (!hasEnded)
        {
            object[] of = [job.Id, domain, job.Location.Host.Name, job.Destination.Name, job.ExplainHolder()];
            _say(job.HasLeft ? Text.Format(SR.ExitWithoutMoved, of) + Next(IsSimulated(job), SR.ExitWithoutMovedNext, of) : Text.Format(SR.ExitWithoutStopped, of));
        }
        else if (job.State != MigrationState.Interrupted)
        {
            _say(Text.Format(SR.ExitEnded, job.Id, domain, job.Describe().Error ?? job.ExplainHolder()));
        }
    }

    private static TimeSpan LimitOf(MigrationJob job) => job.HasLeft ? job.PeerTimeout + SettleLimit : StopLimit;

    private static string Explain(MigrationJob job)
    {
        MigrationInfo now = job.Describe();
        string limit = Text.Duration(LimitOf(job));
        return job.HasLeft
            ? Text.Format(
                SR.ExitMoving,
                job.Id,
                now.Name,
                now.PagesDone,
                now.PagesTotal,
                now.Remaining is >= 1 and { } left ? Text.Format(SR.ExitRemaining, Text.Duration(TimeSpan.FromSeconds(left))) : "",
                job.ExplainHolder(),
                limit,
                Next(IsSimulated(job), SR.ExitMovingNext, now.Name))
            : Text.Format(SR.ExitStopping, job.Id, now.Name, job.ExplainHolder(), limit, job.Location.Host.Name);
    }

    private void Join(MigrationReceiver receiver, Task done, Deadline stopped, WaitHandle isHurried)
    {
        string host = receiver.Host.Name;
        bool hasEnded = Wait(
            done,
            () => receiver.Incoming.Any(HasRun) ? new Deadline(receiver.MaximumSilence + SettleLimit) : stopped,
            () => receiver.Incoming.Sum(incoming => (long)incoming.MissingPages),
            () => Text.Format(
                SR.ExitReceiving,
                host,
                Names(receiver.Incoming.Where(incoming => !incoming.Ended.IsCompleted)),
                receiver.Incoming.Sum(incoming => (long)incoming.MissingPages),
                Text.Duration(receiver.MaximumSilence + SettleLimit),
                Next(receiver.Incoming.Any(incoming => incoming.IsSimulated), SR.ExitReceivingNext, host)),
            isHurried);
        IncomingMigration[] left = LeftIn(receiver);
        if (left.Length > 0)
        {
            _say(Text.Format(SR.ExitKept, host, Names(left)) + Next(left.Any(incoming => incoming.IsSimulated), SR.ExitKeptNext, host));
        }
        else if (hasEnded && done.Exception?.InnerException is { } error)
        {
            _say(error.Message);
        }
    }

    /// <summary>What comes next, as a part of a sentence; nothing where the host ends with the session, and nobody can take anything over.</summary>
    private static string Next(bool isSimulated, string words, params object[] of) => isSimulated ? "" : Text.Format(words, of);

    private static bool IsSimulated(MigrationJob job) => job.Location.Info.Kind == DomainKind.Simulated;

    private static IncomingMigration[] LeftIn(MigrationReceiver receiver) =>
        [.. receiver.Incoming.Where(incoming => incoming.IsKept || !incoming.Ended.IsCompleted)];

    private static bool IsUnfinished(MigrationJob job) => job.State == MigrationState.Interrupted;

    private static bool HasRun(IncomingMigration incoming) => !incoming.Ended.IsCompleted && incoming.Holding != IncomingHolding.Preparing;

    private static string Names(IEnumerable<IncomingMigration> incoming) => string.Join(", ", incoming.Select(one => $"'{one.DomainName}'"));

    private static Task BeginAside(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Waits for an end as long as something comes of it, and says so where that takes longer than nobody would notice.</summary>
    /// <param name="ended">The end.</param>
    /// <param name="limit">
    /// Until when something must have come of it, asked again whenever something has: one end for all that is to stop, since all
    /// was asked at the same time, and for what arrives one that each page moves on.
    /// </param>
    /// <param name="progress">What has come of it.</param>
    /// <param name="explain">What is waited for, how long at most, and what one can do.</param>
    /// <param name="isHurried">Set where nothing more is to be waited for.</param>
    /// <returns>Whether it has ended.</returns>
    private bool Wait(Task ended, Func<Deadline> limit, Func<object> progress, Func<string> explain, WaitHandle isHurried)
    {
        WaitHandle[] either = [((IAsyncResult)ended).AsyncWaitHandle, isHurried];
        object last = progress();
        Deadline left = limit();
        for (TimeSpan patience = Unnoticed; WaitHandle.WaitAny(either, patience) == WaitHandle.WaitTimeout;)
        {
            if (progress() is var now && !now.Equals(last))
            {
                (last, left) = (now, limit());
            }

            if (left.LeftMilliseconds == 0)
            {
                return false;
            }

            _say(explain());
            patience = BetweenWords < TimeSpan.FromMilliseconds(left.LeftMilliseconds) ? BetweenWords : TimeSpan.FromMilliseconds(left.LeftMilliseconds + 1);
        }

        return ended.IsCompleted;
    }
}

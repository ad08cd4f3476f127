using System.Management.Automation;
using System.Runtime.InteropServices;
using PreRecordMigration.Custody;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// What becomes of migrations, recordings and receivers when the process ends, whatever ends it: moves are stopped, or finished
/// where the domain is already leaving; held domains run on; and whatever is waited for, or stays behind, is said.
/// </summary>
internal static class ProcessEnd
{
    /// <summary>A wait that nobody notices is not worth a word.</summary>
    private static readonly TimeSpan Unnoticed = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan BetweenWords = TimeSpan.FromSeconds(10);

    /// <summary>How long something may take to stop; a hypercall on a large domain takes seconds.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    /// <summary>How long the destination may take over the final name once every page is there, at its longest.</summary>
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(1);

    private static readonly List<PosixSignalRegistration> Signals = [];
    private static readonly Lock Beginning = new();
    private static int s_isAwaited;
    private static bool s_isEnding;

    /// <summary>From now on there may be something that the end of the process concerns.</summary>
    public static void Await()
    {
        if (Interlocked.Exchange(ref s_isAwaited, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => End();

            // They would end the process without a word, and without its end being awaited: a service that is stopped, a closed terminal.
            Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => EndBy(signal, 15)));
            Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => EndBy(signal, 1)));
            Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, signal => EndBy(signal, 3)));
        }
    }

    /// <summary>
    /// Begins something that the end of the process concerns, and lists it. From the moment on at which the end looks at the lists nothing
    /// more is begun: a loop that goes on with its next domain would leave that one to a process that is gone.
    /// </summary>
    /// <param name="begin">Begins and lists it, at once.</param>
    /// <param name="isEnding">Whether it is itself to end something, which is never refused.</param>
    /// <exception cref="CommandException">The session ends.</exception>
    public static T Begin<T>(Func<T> begin, bool isEnding = false)
    {
        lock (Beginning)
        {
            return isEnding || !s_isEnding
                ? begin()
                : throw new CommandException(
                    nameof(SR.SessionEnds), ErrorCategory.OperationStopped, SR.SessionEnds, SR.SessionEndsRemedy, null);
        }
    }

    /// <summary>Ends the process as the signal does, in order, where that matters here; else the signal is left as it is.</summary>
    private static void EndBy(PosixSignalContext signal, int number)
    {
        if (MigrationRegistry.All.Any(job => job.IsActive || job.State == MigrationState.Interrupted)
            || RecordingRegistry.All.Count > 0
            || OngoingWork.All.Count > 0
            || ReceiverRegistry.All.Any(receiver => receiver.Incoming.Any(incoming => incoming.IsKept || !incoming.Ended.IsCompleted)))
        {
            signal.Cancel = true;
            Environment.Exit(128 + number);
        }
    }

    private static void End()
    {
        lock (Beginning)
        {
            s_isEnding = true;
        }

        using ManualResetEventSlim isHurried = new();
        using PosixSignalRegistration hurrying = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true;
            isHurried.Set();
        });
        using CancellationTokenSource receiving = new();
        CleanUp ending = new();
        MigrationJob[] active = [.. MigrationRegistry.All.Where(job => job.IsActive)];
        foreach (MigrationJob job in active)
        {
            ending.Try(job.Cancel);
        }

        // All are asked before any is waited for; what the work of commands has recorded by then is let go by itself.
        Deadline stopped = new(StopLimit);
        OngoingWork.Entry[] working = [.. OngoingWork.All];
        foreach (OngoingWork.Entry work in working)
        {
            ending.Try(work.Stop);
        }

        var lettingGo = RecordingRegistry.All.Select(held => (Held: held, Done: BeginAside(() => held.Discard()))).ToArray();
        var stopping = ReceiverRegistry.All
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

        foreach (MigrationJob job in MigrationRegistry.All.Where(job => job.State == MigrationState.Interrupted))
        {
            LastWords.Say(Text.Format(SR.ExitInterrupted, job.Id, job.Location.Info.Name, job.Location.Host.Name, job.Destination.Name));
        }

        foreach ((MigrationReceiver receiver, Task done) in stopping)
        {
            ending.Try(() => Join(receiver, done, stopped, isHurried));
        }

        receiving.Cancel();
        foreach (Exception error in ending.Errors)
        {
            LastWords.Say(error.Message);
        }
    }

    /// <summary>Waits for a command's work where it holds somebody's domain.</summary>
    private static void Join(OngoingWork.Entry work, Deadline stopped, ManualResetEventSlim isHurried)
    {
        if (work.Said is not { } said)
        {
            return;
        }

        if (!Wait(work.Ended, () => stopped, () => 0, () => Text.Format(SR.ExitWork, Text.Duration(StopLimit), said.Remains), isHurried))
        {
            LastWords.Say(said.Remains);
        }
        else if (work.Ended.Exception?.InnerException is { } error and not OperationCanceledException)
        {
            LastWords.Say(error.Message);
        }
        else if (said.Stopped is { } words && !work.Ended.IsCompletedSuccessfully)
        {
            LastWords.Say(words);
        }
    }

    private static void LetGo(LiveRecording held, Task done, Deadline stopped, ManualResetEventSlim isHurried)
    {
        string domain = held.Location.Info.Name;
        string host = held.Location.Host.Name;
        bool isDone = Wait(done, () => stopped, () => 0, () => Text.Format(SR.ExitLettingGo, domain, host, Text.Duration(StopLimit)), isHurried);
        LastWords.Say(
            !isDone ? Text.Format(SR.ExitNotLetGo, domain, host, SR.ExitNoAnswer)
            : RecordingRegistry.FailureOf(held) is { } failure ? Text.Format(SR.ExitNotLetGo, domain, host, failure.Message)
            : Text.Format(SR.ExitLetGo, domain, host, held.Snapshot.HeldUntil));
    }

    private static void Join(MigrationJob job, Deadline stopped, ManualResetEventSlim isHurried)
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
            LastWords.Say(Text.Format(
                job.HasLeft ? SR.ExitWithoutMoved : SR.ExitWithoutStopped, job.Id, domain, job.Location.Host.Name, job.Destination.Name, job.ExplainHolder()));
        }
        else if (job.State != MigrationState.Interrupted)
        {
            LastWords.Say(Text.Format(SR.ExitEnded, job.Id, domain, job.Describe().Error ?? job.ExplainHolder()));
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
                now.Remaining is { } left ? Text.Format(SR.ExitRemaining, Text.Duration(TimeSpan.FromSeconds(left))) : "",
                job.ExplainHolder(),
                limit)
            : Text.Format(SR.ExitStopping, job.Id, now.Name, job.ExplainHolder(), limit, job.Location.Host.Name);
    }

    private static void Join(MigrationReceiver receiver, Task done, Deadline stopped, ManualResetEventSlim isHurried)
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
                Text.Duration(receiver.MaximumSilence + SettleLimit)),
            isHurried);
        IncomingMigration[] left = [.. receiver.Incoming.Where(incoming => incoming.IsKept || !incoming.Ended.IsCompleted)];
        if (left.Length > 0)
        {
            LastWords.Say(Text.Format(SR.ExitKept, host, Names(left)));
        }
        else if (hasEnded && done.Exception?.InnerException is { } error)
        {
            LastWords.Say(error.Message);
        }
    }

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
    /// <param name="isHurried">Set by Ctrl+C: nothing more is waited for.</param>
    /// <returns>Whether it has ended.</returns>
    private static bool Wait(
        Task ended, Func<Deadline> limit, Func<object> progress, Func<string> explain, ManualResetEventSlim isHurried)
    {
        WaitHandle[] either = [((IAsyncResult)ended).AsyncWaitHandle, isHurried.WaitHandle];
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

            LastWords.Say(explain());
            patience = BetweenWords < TimeSpan.FromMilliseconds(left.LeftMilliseconds) ? BetweenWords : TimeSpan.FromMilliseconds(left.LeftMilliseconds + 1);
        }

        return ended.IsCompleted;
    }
}

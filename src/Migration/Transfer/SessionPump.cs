using System.Collections.Concurrent;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Transfer;

/// <summary>One half of the protocol: events in, actions out.</summary>
/// <typeparam name="TState">Where it stands.</typeparam>
/// <typeparam name="TEvent">What happens to it.</typeparam>
/// <typeparam name="TAction">What is to be done.</typeparam>
public interface ISession<out TState, in TEvent, out TAction>
{
    /// <summary>Where it stands.</summary>
    TState State { get; }

    /// <summary>Whether no event changes the state any more.</summary>
    bool IsFinal { get; }

    /// <summary>Takes an event.</summary>
    /// <returns>What to do now, in order.</returns>
    IReadOnlyList<TAction> On(TEvent e);
}

/// <summary>
/// Drives a session: takes events from any thread, one at a time, and hands its actions to the one thread that owns the
/// migration. The lock covers the state and the list of what is due, and nothing is done while it is held.
/// </summary>
/// <param name="session">The session, given over.</param>
/// <param name="carryOut">Carries an action out, on the owner's thread, and tells the event that follows from it; null for none.
/// Throws nothing.</param>
/// <param name="trace">Told of changes of the state; null for nobody.</param>
internal sealed class SessionPump<TState, TEvent, TAction>(
    ISession<TState, TEvent, TAction> session, Func<TAction, TEvent?> carryOut, Func<IProgress<MigrationTrace>?> trace)
    where TState : class
    where TEvent : class
    where TAction : class
{
    private readonly object _gate = new();
    private readonly Lock _telling = new();
    private readonly ConcurrentQueue<MigrationTrace> _untold = new();
    private readonly Queue<TAction> _due = new();

    /// <summary>Told after each change of the state, on the thread whose event changed it, outside of the lock.</summary>
    public Action<TState>? Changed { get; init; }

    /// <summary>Where the session stands.</summary>
    public TState State
    {
        get
        {
            lock (_gate)
            {
                return session.State;
            }
        }
    }

    /// <summary>Takes an event; what follows from it is done by the owner.</summary>
    public void Post(TEvent e)
    {
        TState before;
        TState after;
        lock (_gate)
        {
            before = session.State;
            foreach (TAction action in session.On(e))
            {
                _due.Enqueue(action);
            }

            after = session.State;
            if (!ReferenceEquals(before, after))
            {
                _untold.Enqueue(MigrationTrace.State(before, after));
            }

            Monitor.PulseAll(_gate);
        }

        if (!ReferenceEquals(before, after))
        {
            Changed?.Invoke(after);
            Tell();
        }
    }

    /// <summary>The owner: does what is due until the session has come far enough, or to its end, and nothing is due.</summary>
    /// <param name="isEnough">Whether it has come far enough.</param>
    /// <param name="timeout">How long to wait at most where nothing is due.</param>
    /// <returns>Whether it has; false where the time was over first.</returns>
    public bool WorkUntil(Func<TState, bool> isEnough, TimeSpan? timeout = null)
    {
        while (true)
        {
            TAction? action;
            lock (_gate)
            {
                while (!_due.TryDequeue(out action))
                {
                    if (session.IsFinal || isEnough(session.State))
                    {
                        return true;
                    }

                    if (!Monitor.Wait(_gate, timeout ?? Timeout.InfiniteTimeSpan) && _due.Count == 0)
                    {
                        return session.IsFinal || isEnough(session.State);
                    }
                }
            }

            TEvent? next = carryOut(action);
            if (next is not null)
            {
                Post(next);
            }
        }
    }

    /// <summary>Waits, on a thread that is not the owner's, while a state lasts.</summary>
    /// <param name="condition">Whether it lasts.</param>
    /// <param name="patience">How long to wait at most; null where whatever ends the state is sure to come.</param>
    public void WaitWhile(Func<TState, bool> condition, TimeSpan? patience = null)
    {
        long start = TimeProvider.System.GetTimestamp();
        lock (_gate)
        {
            while (!session.IsFinal && condition(session.State))
            {
                TimeSpan left = patience - TimeProvider.System.GetElapsedTime(start) ?? Timeout.InfiniteTimeSpan;
                if ((patience is not null && left <= TimeSpan.Zero) || !Monitor.Wait(_gate, left))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Has waiting threads look again, because something other than the state has changed that their condition depends
    /// on.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Tells of the changes in their order, whichever thread made them.</summary>
    private void Tell()
    {
        lock (_telling)
        {
            while (_untold.TryDequeue(out MigrationTrace change))
            {
                trace()?.Report(change);
            }
        }
    }
}

using System.Collections.Concurrent;

namespace PreRecordMigration.Operations;

/// <summary>What is said of somebody's work that the process' end stops.</summary>
/// <param name="Remains">Where it goes on for a while, or has not ended when the process does: who holds the domain, and what comes next.</param>
/// <param name="Stopped">Where it was stopped in order; null where there is nothing to say then.</param>
public sealed record WorkWords(string Remains, string? Stopped);

/// <summary>
/// The work that somebody waits for, such as a recording in its window. At the end it is stopped, as by whoever waits for it: a domain
/// that is recorded runs on without its traps.
/// </summary>
public sealed class OngoingWork
{
    private readonly BeginGate _gate;
    private readonly ConcurrentDictionary<Entry, byte> _entries = new();

    internal OngoingWork(BeginGate gate) => _gate = gate;

    /// <summary>All of it.</summary>
    internal IReadOnlyCollection<Entry> All => [.. _entries.Keys];

    /// <summary>Begins work on a thread of its own, and lists it until it has ended.</summary>
    /// <param name="work">The work.</param>
    /// <param name="stop">Asks it to stop.</param>
    /// <param name="said">What is said of it; null for nothing.</param>
    /// <param name="isEnding">Whether it is itself to end something.</param>
    /// <exception cref="OperationException">The session ends.</exception>
    public Task<T> Begin<T>(Func<T> work, Action stop, WorkWords? said, bool isEnding) => _gate.Begin(
        () =>
        {
            Task<T> task = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Entry entry = new(task, stop, said);
            _entries[entry] = 0;
            task.ContinueWith(
                _ => _entries.TryRemove(entry, out byte _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return task;
        },
        isEnding);

    /// <summary>One of it.</summary>
    internal sealed class Entry(Task ended, Action stop, WorkWords? said)
    {
        /// <summary>Its end.</summary>
        public Task Ended => ended;

        /// <summary>What is said of it.</summary>
        public WorkWords? Said => said;

        /// <summary>Asks it to stop; nothing where it has just ended.</summary>
        public void Stop()
        {
            try
            {
                stop();
            }
            catch (ObjectDisposedException)
            {
                // It ended at this moment, and its cancellation went with it.
                return;
            }
        }
    }
}

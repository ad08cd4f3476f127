using System.Collections.Concurrent;

namespace PreRecordMigration.Cmdlets;

/// <summary>What is said of a command's work that the process' end stops.</summary>
/// <param name="Remains">Where it goes on for a while, or has not ended when the process does: who holds the domain, and what comes next.</param>
/// <param name="Stopped">Where it was stopped in order; null where there is nothing to say then.</param>
internal sealed record WorkWords(string Remains, string? Stopped);

/// <summary>
/// The work that commands of this process wait for, such as a recording in its window. When the process ends,
/// <see cref="ProcessEnd"/> stops it, as Ctrl+C does: a domain that is recorded runs on without its traps.
/// </summary>
internal static class OngoingWork
{
    private static readonly ConcurrentDictionary<Entry, byte> Entries = new();

    static OngoingWork() => ProcessEnd.Await();

    /// <summary>All of it.</summary>
    public static IReadOnlyCollection<Entry> All => [.. Entries.Keys];

    /// <summary>Begins work on a thread of its own, and lists it until it has ended.</summary>
    /// <param name="work">The work.</param>
    /// <param name="stop">Asks it to stop.</param>
    /// <param name="said">What is said of it; null for nothing.</param>
    /// <param name="isEnding">Whether it is itself to end something.</param>
    /// <exception cref="CommandException">The session ends.</exception>
    public static Task<T> Begin<T>(Func<T> work, Action stop, WorkWords? said, bool isEnding) => ProcessEnd.Begin(
        () =>
        {
            Task<T> task = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Entry entry = new(task, stop, said);
            Entries[entry] = 0;
            task.ContinueWith(
                _ => Entries.TryRemove(entry, out byte _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
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

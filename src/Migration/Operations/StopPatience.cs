namespace PreRecordMigration.Operations;

/// <summary>
/// How long whoever has asked something to stop waits for it. What has not ended by then goes on in the process, and that is said: nobody
/// who pressed Ctrl+C is kept.
/// </summary>
public static class StopPatience
{
    /// <summary>A migration that can still be stopped has ended well before that; a person is not yet tired of looking on.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Waits until all have ended, but no longer than that.</summary>
    /// <param name="tasks">The ends.</param>
    /// <returns>Whether they have.</returns>
    public static bool Join(IEnumerable<Task> tasks) => ((IAsyncResult)Task.WhenAll(tasks)).AsyncWaitHandle.WaitOne(Limit);
}

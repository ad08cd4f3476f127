namespace PreRecordMigration.Transfer;

/// <summary>Spaces sends so that their long-run rate stays at a limit. One thread.</summary>
/// <param name="bytesPerSecond">The limit; null for none.</param>
/// <param name="time">The clock.</param>
public sealed class BandwidthLimiter(long? bytesPerSecond, TimeProvider time)
{
    private long _due = time.GetTimestamp();

    /// <summary>Waits until the next bytes may go.</summary>
    /// <param name="bytes">How many were just sent.</param>
    /// <param name="cancellationToken">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    public void Sent(int bytes, CancellationToken cancellationToken)
    {
        if (bytesPerSecond is not long limit)
        {
            return;
        }

        // An idle stretch earns no credit: a burst after it would break the promise made to the network.
        long now = time.GetTimestamp();
        _due = Math.Max(_due, now) + (long)(bytes * (double)time.TimestampFrequency / limit);
        TimeSpan wait = time.GetElapsedTime(now, _due);
        if (wait >= TimeSpan.FromMilliseconds(1))
        {
            Task.Delay(wait, time, cancellationToken).GetAwaiter().GetResult();
        }
    }
}

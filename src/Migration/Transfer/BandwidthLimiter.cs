using PreRecordMigration.Options;

namespace PreRecordMigration.Transfer;

/// <summary>Spaces sends so that their long-run rate stays at a limit, which others may change at any time. One thread.</summary>
/// <param name="limits">Have the limit.</param>
/// <param name="time">The clock.</param>
public sealed class BandwidthLimiter(MigrationLimits limits, TimeProvider time)
{
    private long _due = time.GetTimestamp();

    /// <summary>Waits until the next bytes may go: at once where the limit is lifted meanwhile.</summary>
    /// <param name="bytes">How many were just sent.</param>
    /// <param name="cancellationToken">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    public void Sent(int bytes, CancellationToken cancellationToken)
    {
        MigrationLimits.Held held = limits.Current;
        if (held.Bounds.BandwidthLimit is not long limit)
        {
            return;
        }

        // An idle stretch earns no credit: a burst after it would break the promise made to the network.
        long now = time.GetTimestamp();
        _due = Math.Max(_due, now) + (long)(bytes * (double)time.TimestampFrequency / limit);
        while (!WaitUntilDue(now, held.Changed, cancellationToken))
        {
            held = limits.Current;
            now = time.GetTimestamp();
            if (held.Bounds.BandwidthLimit is not long next)
            {
                _due = now;
                return;
            }

            // What is left to wait for stands for bytes, which take as long as the new limit says.
            _due = now + (long)(Math.Max(0, _due - now) * (double)limit / next);
            limit = next;
        }
    }

    /// <returns>Whether it is due; false where the limit changed first.</returns>
    private bool WaitUntilDue(long now, CancellationToken changed, CancellationToken cancellationToken)
    {
        TimeSpan wait = time.GetElapsedTime(now, _due);
        if (wait < TimeSpan.FromMilliseconds(1))
        {
            return true;
        }

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(changed, cancellationToken);
        try
        {
            Task.Delay(wait, time, either.Token).GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}

namespace PreRecordMigration.RemotePaging;

/// <summary>How long requests have waited at the source for their answers, all together, while they wait. Safe for several threads.</summary>
/// <param name="clock">Measures the time.</param>
internal sealed class WaitingTime(TimeProvider clock)
{
    private readonly Lock _counting = new();
    private long _last = clock.GetTimestamp();
    private int _waiting;
    private TimeSpan _sum;
    private long _count;

    /// <summary>A request has come in.</summary>
    public void Begin() => Change(1);

    /// <summary>Requests have been answered.</summary>
    public void End(int count) => Change(-count);

    /// <summary>Requests so far, and how long they have waited.</summary>
    public (long Count, TimeSpan Waited) Now() => Change(0);

    private (long Count, TimeSpan Waited) Change(int by)
    {
        lock (_counting)
        {
            long now = clock.GetTimestamp();
            _sum += _waiting * clock.GetElapsedTime(_last, now);
            (_last, _waiting) = (now, _waiting + by);
            _count += Math.Max(0, by);
            return (_count, _sum);
        }
    }
}

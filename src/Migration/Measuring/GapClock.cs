namespace PreRecordMigration.Measuring;

/// <summary>The longest time without a sign of life. Safe for several threads.</summary>
/// <param name="clock">Measures the time.</param>
internal sealed class GapClock(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private long? _last;
    private TimeSpan _longest;

    /// <summary>Signs so far.</summary>
    public long Signs { get; private set; }

    /// <summary>Counts from now on: what was before is forgotten, but that there was a sign.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _longest = TimeSpan.Zero;
            _last = _last is null ? null : clock.GetTimestamp();
        }
    }

    /// <summary>There was a sign.</summary>
    public void Sign()
    {
        lock (_gate)
        {
            long now = clock.GetTimestamp();
            Note(now);
            _last = now;
            Signs++;
        }
    }

    /// <summary>The longest time so far, the one that goes on included; null where there never was a sign.</summary>
    public TimeSpan? Longest()
    {
        lock (_gate)
        {
            Note(clock.GetTimestamp());
            return _last is null ? null : _longest;
        }
    }

    private void Note(long now)
    {
        if (_last is { } last && clock.GetElapsedTime(last, now) is var gap && gap > _longest)
        {
            _longest = gap;
        }
    }
}

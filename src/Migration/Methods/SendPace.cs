namespace PreRecordMigration.Methods;

/// <summary>
/// How fast pages leave, without the waits that a bandwidth limit makes: reading and sending, over the last stretch that was long enough for
/// the buffers of the sockets not to matter. This project's definition.
/// </summary>
internal sealed class SendPace
{
    /// <summary>Several times what the kernel takes at once: before that, sending is faster than the way.</summary>
    private const long Enough = 16L << 20;

    private long _bytes;
    private TimeSpan _took;

    /// <summary>Begins another stretch. A short one counts together with what was before.</summary>
    /// <param name="bytes">How long it is going to be at most.</param>
    public void Begin(long bytes)
    {
        if (bytes >= Enough)
        {
            (_bytes, _took) = (0, TimeSpan.Zero);
        }
    }

    /// <summary>Some bytes have left.</summary>
    public void Sent(int bytes, TimeSpan took)
    {
        _bytes += bytes;
        _took += took;
    }

    /// <summary>How long bytes are going to take: as they did, and no faster than a limit lets them.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="limit">Bytes a second; null for no limit.</param>
    public TimeSpan TimeOf(long bytes, long? limit)
    {
        double measured = _bytes == 0 ? 0 : _took.TotalSeconds * bytes / _bytes;
        double limited = limit is { } most ? (double)bytes / most : 0;
        return TimeSpan.FromSeconds(Math.Min(Math.Max(measured, limited), TimeSpan.MaxValue.TotalSeconds / 2));
    }
}

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
    private long _sent;
    private TimeSpan _took;

    /// <summary>Begins another stretch. A short one counts together with what was before.</summary>
    /// <param name="bytes">How long it is going to be at most.</param>
    public void Begin(long bytes)
    {
        if (bytes >= Enough)
        {
            (_bytes, _sent, _took) = (0, 0, TimeSpan.Zero);
        }
    }

    /// <summary>Some bytes have left.</summary>
    /// <param name="bytes">How many, before compression.</param>
    /// <param name="sent">How many they were as they went.</param>
    /// <param name="took">How long that took, compression included.</param>
    public void Sent(int bytes, int sent, TimeSpan took)
    {
        _bytes += bytes;
        _sent += sent;
        _took += took;
    }

    /// <summary>How long bytes are going to take: as they did, compressed as they were, and no faster than a limit lets them.</summary>
    /// <param name="bytes">How many, before compression.</param>
    /// <param name="limit">Bytes a second; null for no limit.</param>
    public TimeSpan TimeOf(long bytes, long? limit)
    {
        double measured = _bytes == 0 ? 0 : _took.TotalSeconds * bytes / _bytes;
        double shrunk = _bytes == 0 ? 1 : (double)_sent / _bytes;
        double limited = limit is { } most ? bytes * shrunk / most : 0;
        return TimeSpan.FromSeconds(Math.Min(Math.Max(measured, limited), TimeSpan.MaxValue.TotalSeconds / 2));
    }
}

namespace PreRecordMigration.Operations;

/// <summary>A moment after which nobody waits any more.</summary>
/// <param name="time">How long from now.</param>
public sealed class Deadline(TimeSpan time)
{
    private readonly long _start = TimeProvider.System.GetTimestamp();

    /// <summary>The moment that a limit sets from now on; null where there is no limit.</summary>
    /// <param name="limit">The limit.</param>
    public static Deadline? After(TimeSpan? limit) => limit is { } time ? new Deadline(time) : null;

    /// <summary>How much of it is left, in whole milliseconds.</summary>
    public int LeftMilliseconds =>
        (int)Math.Clamp((time - TimeProvider.System.GetElapsedTime(_start)).TotalMilliseconds, 0, int.MaxValue);
}

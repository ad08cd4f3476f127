namespace PreRecordMigration.Xen.Outputs;

/// <summary>Waits for something by looking at it: often at first, then less.</summary>
internal static class Patience
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until there is nothing left of something.</summary>
    /// <param name="left">Looks how much is left.</param>
    /// <param name="patience">How long it may become no less.</param>
    /// <returns>How much is left: zero, or what had become no less for so long.</returns>
    internal static long AwaitNone(Func<long> left, TimeSpan patience)
    {
        long start = TimeProvider.System.GetTimestamp();
        TimeSpan pause = s_first;
        long least = long.MaxValue;
        while (true)
        {
            long now = left();
            if (now == 0)
            {
                return 0;
            }

            if (now < least)
            {
                (least, start) = (now, TimeProvider.System.GetTimestamp());
            }
            else if (TimeProvider.System.GetElapsedTime(start) > patience)
            {
                return now;
            }

            Thread.Sleep(pause);
            pause = pause * 2 < s_longest ? pause * 2 : s_longest;
        }
    }
}

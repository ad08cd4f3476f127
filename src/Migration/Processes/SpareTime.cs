using System.Globalization;

namespace PreRecordMigration.Processes;

/// <summary>
/// How much of the time this machine has a processor to spare, from 0 to 1. Where it has none a send that takes long does not wait for the link but for a
/// processor, often because the receiver is on the same one, and compressing would take more of what is short. Several threads may ask.
/// </summary>
/// <param name="read">The first line of Linux's /proc/stat; null where there is none.</param>
/// <param name="time">Measures how old an answer is.</param>
internal sealed class SpareTime(Func<string?> read, TimeProvider time)
{
    /// <summary>How long an answer is used. The kernel counts in hundredths of a second.</summary>
    internal static readonly TimeSpan Lasts = TimeSpan.FromMilliseconds(200);

    /// <summary>The fields of time in which nothing was to be done: idle, and idle while a disk worked.</summary>
    private const int Idle = 3, IdleForDisk = 4;

    /// <summary>user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.</summary>
    private const int Fields = 8;

    private readonly Lock _gate = new();
    private (long At, long Idle, long All)? _last;
    private double _share = 1;

    /// <summary>That of this machine.</summary>
    public static SpareTime OfThisMachine { get; } = new(ReadKernel, TimeProvider.System);

    /// <summary>The share of the latest time; 1 where it is not known.</summary>
    public double Share
    {
        get
        {
            lock (_gate)
            {
                long now = time.GetTimestamp();
                if (_last is not { } last)
                {
                    Look(now);
                }
                else if (time.GetElapsedTime(last.At, now) >= Lasts)
                {
                    Look(now);
                    Judge(last);
                }

                return _share;
            }
        }
    }

    private void Judge((long At, long Idle, long All) last)
    {
        // One processor's worth of idle time is enough for one more thread, however many there are.
        if (_last is { } now && now.All > last.All)
        {
            _share = Math.Clamp((double)(now.Idle - last.Idle) * Environment.ProcessorCount / (now.All - last.All), 0, 1);
        }
    }

    private void Look(long now)
    {
        string[] words = (read() ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long[] ticks = [.. words.Skip(1).Take(Fields).Select(word => long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long tick) ? tick : 0)];
        _last = words is ["cpu", ..] && ticks.Length == Fields ? (now, ticks[Idle] + ticks[IdleForDisk], ticks.Sum()) : (now, 0, 0);
    }

    private static string? ReadKernel()
    {
        try
        {
            using StreamReader reader = new("/proc/stat");
            return reader.ReadLine();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

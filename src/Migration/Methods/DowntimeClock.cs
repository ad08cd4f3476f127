using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>
/// Measures what a downtime goes into, at its source: whatever has passed since the last call belongs to the part that the next call names, so that the
/// parts are all of it. It belongs to the migration's own thread.
/// </summary>
/// <param name="clock">Measures the time.</param>
internal sealed class DowntimeClock(TimeProvider clock)
{
    private readonly TimeSpan[] _parts = new TimeSpan[Enum.GetValues<Part>().Length];
    private long _last = clock.GetTimestamp();
    private TimeSpan _asked;

    /// <summary>What the source does, or waits for, one after the other.</summary>
    public enum Part
    {
        /// <summary>Until the domain stands still.</summary>
        Stop,

        /// <summary>The rollback's proof.</summary>
        Prove,

        /// <summary>Capturing the core state.</summary>
        Capture,

        /// <summary>Sending it.</summary>
        Send,

        /// <summary>Checks and notes of the commit.</summary>
        Commit,

        /// <summary>Waiting for what the destination restores.</summary>
        AwaitRestored,

        /// <summary>Waiting for the domain to run there.</summary>
        AwaitRunning,
    }

    /// <summary>The downtime so far; zero where the domain has not been stopped.</summary>
    public TimeSpan Total => _parts.Aggregate(TimeSpan.Zero, (sum, part) => sum + part);

    /// <summary>The domain is about to be stopped: it counts from here on.</summary>
    public void Begin()
    {
        Array.Clear(_parts);
        (_last, _asked) = (clock.GetTimestamp(), TimeSpan.Zero);
    }

    /// <summary>Counts what has passed.</summary>
    public void End(Part part)
    {
        long now = clock.GetTimestamp();
        _parts[(int)part] += clock.GetElapsedTime(_last, now);
        _last = now;
    }

    /// <summary>The domain stands still.</summary>
    /// <param name="asked">How long it took until the guest took the request to suspend, as its hypervisor's side says; zero where that is not known.</param>
    public void EndStop(TimeSpan asked)
    {
        End(Part.Stop);
        _asked = Within(asked, Of(Part.Stop));
    }

    /// <summary>The domain has been restored there, and leaves.</summary>
    /// <param name="leaving">How much of what has passed was needed here to note that it leaves, after the wait.</param>
    public void EndCommit(TimeSpan leaving)
    {
        TimeSpan before = Of(Part.AwaitRestored);
        End(Part.AwaitRestored);
        leaving = Within(leaving, Of(Part.AwaitRestored) - before);
        _parts[(int)Part.AwaitRestored] -= leaving;
        _parts[(int)Part.Commit] += leaving;
    }

    /// <summary>The parts of both sides.</summary>
    /// <param name="there">What the destination says of its own; null where it says nothing.</param>
    public DowntimeParts Describe(HandoverTimesRecord? there)
    {
        TimeSpan waited = Of(Part.AwaitRestored) + Of(Part.AwaitRunning);
        TimeSpan toolstack = Within(there?.Toolstack ?? TimeSpan.Zero, Of(Part.AwaitRestored));
        TimeSpan restore = Within(there?.Restore ?? TimeSpan.Zero, Of(Part.AwaitRestored) - toolstack);
        TimeSpan resume = Within(there?.Resume ?? TimeSpan.Zero, Of(Part.AwaitRunning));
        return DowntimeParts.Of(part => part switch
        {
            DowntimePart.Ask => _asked,
            DowntimePart.Suspend => Of(Part.Stop) - _asked,
            DowntimePart.Prove => Of(Part.Prove),
            DowntimePart.Capture => Of(Part.Capture),
            DowntimePart.Send => Of(Part.Send),
            DowntimePart.Commit => Of(Part.Commit),
            DowntimePart.Restore => restore,
            DowntimePart.Toolstack => toolstack,
            DowntimePart.Resume => resume,
            _ => waited - toolstack - restore - resume,
        });
    }

    private static TimeSpan Within(TimeSpan said, TimeSpan waited) =>
        said < TimeSpan.Zero ? TimeSpan.Zero : said > waited ? waited : said;

    private TimeSpan Of(Part part) => _parts[(int)part];
}

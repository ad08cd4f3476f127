using System.Globalization;

namespace PreRecordMigration.Reporting;

/// <summary>A part of a downtime, in the order in which they follow each other.</summary>
public enum DowntimePart : long
{
    /// <summary>From asking the guest to suspend until it took the request; zero where that cannot be told apart from <see cref="Suspend"/>.</summary>
    Ask,

    /// <summary>Until it stood still: the guest's own suspension, or in Rollback the pause at the window's end.</summary>
    Suspend,

    /// <summary>In Rollback: the proof that the checkpoint can be had again.</summary>
    Prove,

    /// <summary>Capturing the core state, with a last look at what was written where there were rounds.</summary>
    Capture,

    /// <summary>Sending it, and before it all pages that had to be there.</summary>
    Send,

    /// <summary>The source's last checks, and its note that the domain leaves.</summary>
    Commit,

    /// <summary>The destination's restoration, as far as it was waited for, without <see cref="Toolstack"/>.</summary>
    Restore,

    /// <summary>The destination's toolstack within the restoration, as far as it was waited for.</summary>
    Toolstack,

    /// <summary>The destination's note that the domain runs, and letting it.</summary>
    Resume,

    /// <summary>The remainder of what was waited for: records on their way, threads that woke up, and what a destination does not say.</summary>
    OnTheWay,
}

/// <summary>
/// What a domain stood still for while it was handed over. The parts are one after the other, none is below zero, and together they are the downtime. What
/// the destination says of its own parts is believed as far as the source has waited for them.
/// </summary>
/// <param name="Ask"><see cref="DowntimePart.Ask"/>.</param>
/// <param name="Suspend"><see cref="DowntimePart.Suspend"/>.</param>
/// <param name="Prove"><see cref="DowntimePart.Prove"/>.</param>
/// <param name="Capture"><see cref="DowntimePart.Capture"/>.</param>
/// <param name="Send"><see cref="DowntimePart.Send"/>.</param>
/// <param name="Commit"><see cref="DowntimePart.Commit"/>.</param>
/// <param name="Restore"><see cref="DowntimePart.Restore"/>.</param>
/// <param name="Toolstack"><see cref="DowntimePart.Toolstack"/>.</param>
/// <param name="Resume"><see cref="DowntimePart.Resume"/>.</param>
/// <param name="OnTheWay"><see cref="DowntimePart.OnTheWay"/>.</param>
public sealed record DowntimeParts(
    TimeSpan Ask,
    TimeSpan Suspend,
    TimeSpan Prove,
    TimeSpan Capture,
    TimeSpan Send,
    TimeSpan Commit,
    TimeSpan Restore,
    TimeSpan Toolstack,
    TimeSpan Resume,
    TimeSpan OnTheWay)
{
    /// <summary>No time at all.</summary>
    public static DowntimeParts None { get; } = Of(_ => TimeSpan.Zero);

    /// <summary>All of them, in their order.</summary>
    public IEnumerable<(DowntimePart Part, TimeSpan Time)> All =>
    [
        (DowntimePart.Ask, Ask), (DowntimePart.Suspend, Suspend), (DowntimePart.Prove, Prove), (DowntimePart.Capture, Capture), (DowntimePart.Send, Send),
        (DowntimePart.Commit, Commit), (DowntimePart.Restore, Restore), (DowntimePart.Toolstack, Toolstack), (DowntimePart.Resume, Resume),
        (DowntimePart.OnTheWay, OnTheWay),
    ];

    /// <summary>Their sum: the downtime.</summary>
    public TimeSpan Total => TimeSpan.FromTicks(All.Sum(part => part.Time.Ticks));

    /// <summary>Makes them one by one.</summary>
    public static DowntimeParts Of(Func<DowntimePart, TimeSpan> part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return new DowntimeParts(
            part(DowntimePart.Ask), part(DowntimePart.Suspend), part(DowntimePart.Prove), part(DowntimePart.Capture), part(DowntimePart.Send),
            part(DowntimePart.Commit), part(DowntimePart.Restore), part(DowntimePart.Toolstack), part(DowntimePart.Resume), part(DowntimePart.OnTheWay));
    }

    /// <summary>All of them in one line, the same in every culture.</summary>
    public override string ToString() => string.Join(
        "; ", All.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Part} {part.Time.TotalSeconds:0.######} s")));
}

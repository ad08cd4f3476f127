using System.Management.Automation;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>Shows progress records. Callers serialise their calls.</summary>
internal abstract class ProgressView
{
    /// <summary>Shows a record, unless another was shown too short a time ago.</summary>
    public abstract void Show(ProgressRecord record);

    /// <summary>Makes room for other output.</summary>
    public abstract void Clear();

    /// <summary>One line for a record: activity, status, percentage, remaining time, current operation.</summary>
    protected static string Describe(ProgressRecord record)
    {
        var parts = new List<string> { record.Activity };
        if (!string.IsNullOrWhiteSpace(record.StatusDescription))
        {
            parts.Add(record.StatusDescription);
        }

        if (record.PercentComplete >= 0)
        {
            parts.Add($"{record.PercentComplete} %");
        }

        if (record.SecondsRemaining >= 0)
        {
            parts.Add($"{record.SecondsRemaining} s left");
        }

        if (!string.IsNullOrWhiteSpace(record.CurrentOperation))
        {
            parts.Add(record.CurrentOperation);
        }

        return string.Join(" | ", parts).ReplaceLineEndings(" ");
    }
}

/// <summary>Progress on a console: one line that is rewritten in place and disappears at the end.</summary>
internal sealed class ProgressLineView(TextWriter writer, int width, TimeProvider clock) : ProgressView
{
    private static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(200);
    private bool _visible;
    private long? _shown;

    /// <inheritdoc/>
    public override void Show(ProgressRecord record)
    {
        if (record.RecordType == ProgressRecordType.Completed)
        {
            Clear();
            _shown = null;
            return;
        }

        if (_shown is { } shown && clock.GetElapsedTime(shown) < MinInterval)
        {
            return;
        }

        _shown = clock.GetTimestamp();
        var line = Describe(record);
        Clear();
        // One column stays free: a full line would wrap and could not be rewritten.
        writer.Write(line.Length < width ? line : line[..(width - 1)]);
        writer.Flush();
        _visible = true;
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        if (_visible)
        {
            writer.Write("\r\u001b[K");
            writer.Flush();
            _visible = false;
        }
    }
}

/// <summary>Progress where there is no console: at most one plain line a second, and one when an activity completes.</summary>
internal sealed class ProgressLogView(TextWriter writer, TimeProvider clock) : ProgressView
{
    private static readonly TimeSpan MinInterval = TimeSpan.FromSeconds(1);
    private readonly HashSet<(int Id, string Activity)> _shownActivities = [];
    private long? _shown;

    /// <inheritdoc/>
    public override void Show(ProgressRecord record)
    {
        var activity = (record.ActivityId, record.Activity);
        if (record.RecordType == ProgressRecordType.Completed)
        {
            // The end of an activity nobody has read about, or a repeated end, is no news.
            if (_shownActivities.Remove(activity))
            {
                WriteLine($"{record.Activity} | completed");
            }

            return;
        }

        if (_shown is { } shown && clock.GetElapsedTime(shown) < MinInterval)
        {
            return;
        }

        _shown = clock.GetTimestamp();
        _ = _shownActivities.Add(activity);
        WriteLine(Describe(record));
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        // Whole lines are in nobody's way.
    }

    private void WriteLine(string text)
    {
        writer.Write($"PROGRESS: {text}\n");
        writer.Flush();
    }
}

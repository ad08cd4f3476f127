using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// The progress bar of work that is counted in one number, such as a file's bytes: at most five updates a second, always
/// completed.
/// </summary>
internal sealed class WorkProgress : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly PipelineWriter _writer;
    private readonly string _activity;
    private readonly Func<long, string> _describe;
    private readonly int _activityId;
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private long _last;

    /// <summary>Begins a bar, which shows at once.</summary>
    /// <param name="writer">The way to the pipeline's thread.</param>
    /// <param name="activity">What is done.</param>
    /// <param name="describe">The number in words.</param>
    public WorkProgress(PipelineWriter writer, string activity, Func<long, string> describe)
    {
        _writer = writer;
        _activity = activity;
        _describe = describe;
        _activityId = DomainProgress.StableId(activity);
        Show(0, null);
    }

    /// <summary>Says how much is done. Only one thread may call it.</summary>
    /// <param name="done">How much.</param>
    /// <param name="total">Of how much; null where that is not known.</param>
    public void Report(long done, long? total)
    {
        if (TimeProvider.System.GetElapsedTime(_last) >= Interval)
        {
            Show(done, total);
        }
    }

    /// <summary>Completes the bar.</summary>
    public void Dispose() =>
        _writer.Progress(new ProgressRecord(_activityId, _activity, SR.ProgressDone) { RecordType = ProgressRecordType.Completed });

    private void Show(long done, long? total)
    {
        _last = TimeProvider.System.GetTimestamp();
        double seconds = TimeProvider.System.GetElapsedTime(_start).TotalSeconds;
        bool isKnown = total > 0 && done > 0;
        _writer.Progress(new ProgressRecord(
            _activityId, _activity, total is { } all ? Text.Format(SR.ProgressOf, _describe(done), _describe(all)) : _describe(done))
        {
            PercentComplete = isKnown ? (int)Math.Clamp(done * 100.0 / total!.Value, 0, 100) : -1,
            SecondsRemaining = isKnown ? (int)Math.Clamp(seconds / done * (total!.Value - done), 0, int.MaxValue) : -1,
        });
    }
}

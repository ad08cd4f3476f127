using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>The way from a worker's threads to the pipeline's thread, which alone may write.</summary>
internal sealed class PipelineWriter(MigrationCmdlet cmdlet, BlockingCollection<Action> posted)
{
    /// <summary>Writes a step that was taken.</summary>
    public void Verbose(string message) => Post(() => cmdlet.WriteStep(message));

    /// <summary>Writes a step of the protocol, for whoever looks for what went wrong.</summary>
    public void Debug(string domain, MigrationTrace step) => Post(() => WriteDebug(domain, step));

    /// <summary>As <see cref="Debug"/>, on the pipeline's thread.</summary>
    public void WriteDebug(string domain, MigrationTrace step) => cmdlet.WriteDebug(Text.Format(SR.DebugStep, domain, step));

    /// <summary>Writes a progress record.</summary>
    public void Progress(ProgressRecord record) => Post(() => cmdlet.WriteProgress(record));

    /// <summary>Makes the progress bar of one domain.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="activity">What is done to it.</param>
    public DomainProgress ForDomain(string domain, string activity) => new(this, domain, activity, () => null);

    /// <summary>Has something done on the pipeline's thread.</summary>
    public void Post(Action write)
    {
        try
        {
            posted.TryAdd(write);
        }
        catch (InvalidOperationException)
        {
            // A thread reports that outlives the work by a moment: nobody listens any more.
            return;
        }
    }
}

/// <summary>One domain's progress bar: at most five updates a second, every phase said once, always completed.</summary>
internal sealed class DomainProgress : IProgress<MigrationProgress>, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly PipelineWriter _writer;
    private readonly string _domain;
    private readonly string _activity;
    private readonly int _activityId;
    private readonly Func<int?> _parentId;
    private readonly Lock _reporting = new();
    private long? _last;
    private MigrationPhase? _phase;

    /// <summary>Begins a bar.</summary>
    /// <param name="writer">The way to the pipeline's thread.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="activity">What is done to it.</param>
    /// <param name="parentId">Says which bar is over this one, and returns null for none: one comes as soon as there are several
    /// domains, and the first one's bar then belongs under it too.</param>
    public DomainProgress(PipelineWriter writer, string domain, string activity, Func<int?> parentId)
    {
        _parentId = parentId;
        _writer = writer;
        _domain = domain;
        _activity = activity;
        _activityId = StableId(domain);
    }

    /// <summary>What ends the bar.</summary>
    public ProgressRecord Completed => new(_activityId, _activity, SR.ProgressDone)
    {
        ParentActivityId = _parentId() ?? -1,
        RecordType = ProgressRecordType.Completed,
    };

    /// <inheritdoc/>
    public void Report(MigrationProgress value)
    {
        lock (_reporting)
        {
            bool isNewPhase = _phase != value.Phase;
            if (isNewPhase)
            {
                _phase = value.Phase;
                _writer.Verbose(Text.Format(SR.VerbosePhase, _domain, value.Phase));
            }

            if (_last is { } last && TimeProvider.System.GetElapsedTime(last) < Interval)
            {
                return;
            }

            _last = TimeProvider.System.GetTimestamp();
            _writer.Progress(Record(value));
        }
    }

    /// <summary>Completes the bar.</summary>
    public void Dispose() => _writer.Progress(Completed);

    private ProgressRecord Record(MigrationProgress value)
    {
        return new ProgressRecord(_activityId, _activity, Status(value) + ProgressWords.Faults(value))
        {
            CurrentOperation = ProgressWords.Kinds(value),
            ParentActivityId = _parentId() ?? -1,
            PercentComplete = value.PagesTotal == 0 ? -1 : (int)Math.Clamp(value.PagesDone * 100 / value.PagesTotal, 0, 100),
            SecondsRemaining = value.Remaining is { } remaining ? (int)Math.Min(remaining.TotalSeconds, int.MaxValue) : -1,
        };
    }

    /// <summary>The phase and how far it is; bytes where some were sent, and a rate where there is one.</summary>
    private static string Status(MigrationProgress value)
    {
        string rate = Text.Bytes(value.BytesPerSecond);
        return value switch
        {
            { PagesTotal: 0 } => value.Phase.ToString(),
            { BytesSent: > 0 } => Text.Format(
                SR.ProgressStatus, value.Phase, value.PagesDone, value.PagesTotal, Text.Bytes(value.BytesSent), rate),
            { BytesPerSecond: > 0 } => Text.Format(SR.ProgressUnsentRate, value.Phase, value.PagesDone, value.PagesTotal, rate),
            _ => Text.Format(SR.ProgressUnsent, value.Phase, value.PagesDone, value.PagesTotal),
        };
    }

    /// <summary>An id made from the domain's name: two domains that move at once do not share a bar.</summary>
    internal static int StableId(string domain)
    {
        uint hash = 2166136261;
        foreach (char c in domain)
        {
            hash = (hash ^ c) * 16777619;
        }

        return (int)(hash & 0x3FFFFFFF);
    }
}

using System.Collections.Concurrent;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Lets the pipeline's thread wait for incoming migrations: it shows how far each is, and writes what became of it.
/// </summary>
internal sealed class IncomingPump : IDisposable
{
    /// <summary>How often the bars are moved, and how soon it is noticed that a receiver was stopped.</summary>
    private const int TickMilliseconds = 200;

    private readonly MigrationCmdlet _cmdlet;
    private readonly bool _isTraced;
    private readonly BlockingCollection<Action> _posted = [];
    private readonly PipelineWriter _writer;
    private readonly ArrivalsElsewhere _elsewhere;
    private readonly Dictionary<MigrationReceiver, IDisposable> _receivers = [];
    private readonly Dictionary<IncomingMigration, IncomingProgress> _active = [];

    /// <summary>The ends of all migrations that have been followed. One that is resumed has another end, and is followed again.</summary>
    private readonly HashSet<Task> _known = [];

    private int _ended;

    /// <summary>Begins with nothing to wait for.</summary>
    /// <param name="cmdlet">The cmdlet that waits.</param>
    /// <param name="isTraced">Whether anybody reads what is written to the debug stream.</param>
    public IncomingPump(MigrationCmdlet cmdlet, bool isTraced)
    {
        (_cmdlet, _isTraced) = (cmdlet, isTraced);
        _writer = new PipelineWriter(cmdlet, _posted);
        _elsewhere = new ArrivalsElsewhere(cmdlet, _writer);
    }

    /// <summary>How many migrations are under way.</summary>
    public int Active => _active.Count + _elsewhere.Active.Count;

    /// <summary>Those that are under way, ordered by their domains' names.</summary>
    public IEnumerable<IncomingMigrationInfo> UnderWay =>
        _active.Keys.Select(IncomingMigrationInfo.Of).Concat(_elsewhere.Active).OrderBy(incoming => incoming.Name, StringComparer.Ordinal);

    /// <summary>How many have ended since the wait began.</summary>
    public int Ended => _ended + _elsewhere.Ended;

    private bool IsListening => _receivers.Keys.Any(Workspace.OfProcess.Receivers.IsListed) || _elsewhere.IsListening;

    /// <summary>Waits for a receiver's migrations from now on, those under way included.</summary>
    public void Add(MigrationReceiver receiver)
    {
        if (_receivers.ContainsKey(receiver))
        {
            return;
        }

        _known.UnionWith(receiver.Incoming.Select(incoming => incoming.Ended).Where(ended => ended.IsCompleted));
        _receivers.Add(receiver, receiver.Watch((incoming, step) => Hear(receiver, incoming, step)));
        foreach (IncomingMigration incoming in receiver.Incoming)
        {
            Follow(receiver, incoming);
        }
    }

    /// <summary>As <see cref="Add(MigrationReceiver)"/>, of a receiver of another process.</summary>
    public void Add(ReceiverElsewhere found) => _elsewhere.Add(found);

    /// <summary>Writes what comes until so many have ended, or until none is under way.</summary>
    /// <param name="count">How many; null for those that are under way.</param>
    /// <param name="deadline">Ends the wait; null for no limit.</param>
    /// <param name="cancellationToken">Ends the wait; the migrations go on.</param>
    /// <returns>False where the time was over first.</returns>
    public bool PumpUntil(int? count, Deadline? deadline, CancellationToken cancellationToken)
    {
        while (count is { } wanted ? Ended < wanted && (Active > 0 || IsListening) : Active > 0)
        {
            int patience = Math.Min(TickMilliseconds, deadline?.LeftMilliseconds ?? TickMilliseconds);
            if (_posted.TryTake(out Action? write, patience, cancellationToken))
            {
                write();
            }
            else if (deadline?.LeftMilliseconds == 0)
            {
                return false;
            }

            foreach ((IncomingMigration incoming, IncomingProgress progress) in _active)
            {
                progress.Report(incoming.DomainName, incoming.MissingPages);
            }
        }

        // The last migration that ended may have posted the completion of its bar.
        while (_posted.TryTake(out Action? last))
        {
            last();
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable watching in _receivers.Values)
        {
            watching.Dispose();
        }

        _elsewhere.Dispose();
        _posted.Dispose();
    }

    /// <summary>Hears a step, on the threads of the migration.</summary>
    private void Hear(MigrationReceiver receiver, IncomingMigration incoming, MigrationTrace step)
    {
        // A change of state is enough to notice that a migration has come in. Records are many: they are posted for the debug stream only.
        if (_isTraced || step.Kind == MigrationTraceKind.State)
        {
            _writer.Post(() =>
            {
                Follow(receiver, incoming);
                if (_isTraced)
                {
                    _writer.WriteDebug(incoming.DomainName, step);
                }
            });
        }
    }

    private void Follow(MigrationReceiver receiver, IncomingMigration incoming)
    {
        Task ended = incoming.Ended;
        if (!_known.Add(ended))
        {
            return;
        }

        _active.Add(incoming, new IncomingProgress(_writer, receiver.Host.Name));
        ended.ContinueWith(
            _ => _writer.Post(() => End(receiver, incoming)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private void End(MigrationReceiver receiver, IncomingMigration incoming)
    {
        _active.Remove(incoming, out IncomingProgress? progress);
        progress?.Dispose();
        if (incoming.State is DestinationState.Detached)
        {
            // The migration has not ended: its source may come back, and then it goes on.
            _cmdlet.WriteWarning(Text.Format(SR.WarningArrivalInterrupted, incoming.DomainName, receiver.Host.Name));
            return;
        }

        _ended++;
        _cmdlet.WriteObject(IncomingMigrationInfo.Of(incoming));
    }
}

/// <summary>The bar of one migration that comes in, from its first missing page on.</summary>
internal sealed class IncomingProgress(PipelineWriter writer, string hostName) : IDisposable
{
    private WorkProgress? _bar;
    private long _total;

    /// <summary>Shows how many pages have arrived of those that were missing at first.</summary>
    /// <param name="domain">The domain's name, which is known once any of its pages is missing.</param>
    /// <param name="missing">How many still are.</param>
    public void Report(string domain, long missing)
    {
        if (_bar is null && missing > 0)
        {
            _total = missing;
            _bar = new WorkProgress(
                writer, Text.Format(SR.ProgressReceiving, domain, hostName), pages => Text.Format(SR.ProgressArrived, pages));
        }

        _total = Math.Max(_total, missing);
        _bar?.Report(_total - missing, _total);
    }

    /// <summary>Completes the bar.</summary>
    public void Dispose() => _bar?.Dispose();
}

using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>Watching what incoming migrations do.</content>
public sealed partial class MigrationReceiver
{
    private Action<IncomingMigration, MigrationTrace>? _watchers;
    private volatile Action<IncomingMigration>? _atEnd;

    /// <summary>Tells of every migration that has come to an end from now on, also of one that ends again: it was resumed, or given up.</summary>
    /// <param name="told">Told on the threads that end it; it must not throw, and the end waits for it.</param>
    internal void TellEnds(Action<IncomingMigration> told) => _atEnd = told;

    /// <summary>Tells of an end. Whatever fails there is noted here: the threads that end migrations have nobody to throw to.</summary>
    private void OnEnd(IncomingMigration ended)
    {
        try
        {
            _atEnd?.Invoke(ended);
        }
#pragma warning disable CA1031 // Somebody else's work, on a thread that must go on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            Note(ProtocolErrors.Of(error));
        }
    }

    /// <summary>Tells of every record and state of the migrations that come in, from now on.</summary>
    /// <param name="watcher">Told on the threads that take the steps; it must return at once. After the end of the watching it is told
    /// nothing more.</param>
    /// <returns>Ends the watching when it is disposed.</returns>
    public IDisposable Watch(Action<IncomingMigration, MigrationTrace> watcher)
    {
        Change(watchers => watchers + watcher);
        return new Watching(() => Change(watchers => watchers - watcher));
    }

    private void Change(Func<Action<IncomingMigration, MigrationTrace>?, Action<IncomingMigration, MigrationTrace>?> change)
    {
        lock (_gate)
        {
            _watchers = change(_watchers);
            foreach (IncomingMigration incoming in _incoming)
            {
                Trace(incoming);
            }
        }
    }

    /// <summary>Has a migration tell those who watch; where nobody does, it makes no trace. Call it with the gate held.</summary>
    private void Trace(IncomingMigration incoming) => incoming.TraceTo(
        _watchers is null ? null : new IncomingTracer(step => Volatile.Read(ref _watchers)?.Invoke(incoming, step)));

    private sealed class IncomingTracer(Action<MigrationTrace> onStep) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value) => onStep(value with { IsAtDestination = true });
    }

    private sealed class Watching(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

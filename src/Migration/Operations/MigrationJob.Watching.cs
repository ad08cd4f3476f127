using PreRecordMigration.Reporting;

namespace PreRecordMigration.Operations;

/// <summary>Who is told of a migration while it goes on.</summary>
public sealed partial class MigrationJob
{
    /// <summary>Tells of progress, and of the protocol's steps, from now on, and of bounds that are not kept from the beginning on.</summary>
    /// <param name="watcher">Told of progress.</param>
    /// <param name="tracer">Told of steps; null for nobody.</param>
    /// <param name="warner">Told of bounds; null for nobody.</param>
    /// <returns>Ends it.</returns>
    public IDisposable Watch(Action<MigrationProgress> watcher, Action<MigrationTrace>? tracer, Action<MigrationWarning>? warner = null)
    {
        ArgumentNullException.ThrowIfNull(watcher);
        MigrationWarning[] before = [];
        Change(() => (_watchers, _tracers, _warners, before) = (_watchers + watcher, _tracers + tracer, _warners + warner, [.. _warnings]));
        Array.ForEach(before, warning => warner?.Invoke(warning));
        if (_progress is { } last)
        {
            watcher(last);
        }

        return new Watching(() => Change(() => (_watchers, _tracers, _warners) = (_watchers - watcher, _tracers - tracer, _warners - warner)));
    }

    /// <inheritdoc/>
    public void Report(MigrationProgress value)
    {
        _progress = value;
        Volatile.Read(ref _watchers)?.Invoke(value);
    }

    /// <inheritdoc/>
    public void Report(MigrationTrace value) => Volatile.Read(ref _tracers)?.Invoke(value);

    /// <inheritdoc/>
    public void Report(MigrationWarning value)
    {
        Action<MigrationWarning>? warners = null;
        Change(() =>
        {
            _warnings.Add(value);
            warners = _warners;
        });
        warners?.Invoke(value);
    }

    private sealed class Watching(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>One move that has been checked and may begin.</summary>
/// <param name="Location">The domain and its host.</param>
/// <param name="Destination">Where it goes.</param>
/// <param name="Options">How.</param>
/// <param name="Recorded">The recording from which it starts; null where it records by itself or not at all.</param>
public sealed record PlannedMove(DomainLocation Location, Destination Destination, MigrationOptions Options, PreRecord? Recorded)
{
    /// <summary>Why the mode was chosen; null where it was given, or nothing is recorded.</summary>
    public string? ModeReason { get; init; }

    /// <summary>The method, with the mode where something is recorded.</summary>
    public string MethodText => Options.Method == MigrationMethod.PreRecord ? $"{Options.Method} {Options.Mode}" : $"{Options.Method}";

    /// <summary>The preflight's report that it comes from; null where there was none.</summary>
    public MigrationReport? Report { get; init; }

    /// <summary>Takes over what will move: a recording can be taken only once.</summary>
    /// <param name="recordings">Where the recording is held.</param>
    /// <exception cref="OperationException">The recording is not held any more.</exception>
    internal MoveSource Take(RecordingRegistry recordings) => new(this, Recorded is null ? null : recordings.Take(Recorded));
}

/// <summary>
/// What a move has taken over. A recording that was not moved in the end is given back when this is disposed: its domain runs on.
/// </summary>
internal sealed class MoveSource(PlannedMove move, PreRecordSession? session) : IDisposable
{
    /// <summary>Moves the domain over an open way.</summary>
    /// <param name="route">The way.</param>
    /// <param name="follow">Adds to the options who follows the migration.</param>
    /// <param name="progress">Told of progress.</param>
    /// <param name="cancellationToken">Gives up, until the commit.</param>
    public Task<MigrationResult> MigrateAsync(
        Route route,
        Func<MigrationOptions, MigrationOptions> follow,
        IProgress<MigrationProgress> progress,
        CancellationToken cancellationToken)
    {
        MigrationOptions options = follow(move.Options);
        if (session is not null)
        {
            return MigrationSource.MigrateAsync(session, route, options, progress, cancellationToken);
        }

        // From here on the migration alone owns the domain, and decides whether it runs on. This class must not dispose it as well:
        // that could wake a domain which has to stay stopped, because it runs at its destination.
        ISourceDomain domain = move.Location.Host.OpenSource(move.Location.Info.Name);
        return MigrationSource.MigrateAsync(domain, route, options, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => session?.Dispose();
}

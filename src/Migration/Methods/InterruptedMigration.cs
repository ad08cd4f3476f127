using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// The source's half of a migration that lost its connection after the commit: the stopped domain with its memory. It stays
/// as it is until it is resumed or given up, once.
/// </summary>
public sealed class InterruptedMigration
{
    /// <summary>Null once it was resumed or given up: the error that told of it may be looked at long afterwards.</summary>
    private SourceMigration? _run;

    internal InterruptedMigration(SourceMigration run)
    {
        _run = run;
        Id = run.Id;
        Domain = run.Domain.Info;
        (Method, Mode) = (run.Options.Method, run.Options.Mode);
    }

    /// <summary>The migration's id: its other half has the same <see cref="IncomingMigration.Id"/>.</summary>
    public Guid Id { get; }

    /// <summary>The domain.</summary>
    public DomainInfo Domain { get; }

    /// <summary>How memory travels.</summary>
    public MigrationMethod Method { get; }

    /// <summary>What the recording did to the domain; of methods that record.</summary>
    public RecordingMode Mode { get; }

    /// <summary>Connects again, reconciles, and finishes the migration.</summary>
    /// <param name="destination">The way to the receiver that has the domain; a new tunnel may begin elsewhere.</param>
    /// <param name="progress">Told at most five times a second; null for nobody.</param>
    /// <param name="cancellationToken">Gives up as long as the destination has not answered; everything stays as it is.</param>
    /// <exception cref="MigrationInterruptedException">The connection was lost again, or there was none: everything is kept
    /// as it was, and the exception has the migration to resume.</exception>
    /// <exception cref="MigrationException">The domain never ran at the destination: it runs on here.</exception>
    /// <exception cref="InvalidOperationException">It was resumed or given up before.</exception>
    public Task<MigrationResult> ResumeAsync(
        Route destination, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        return MigrationSource.RunAsync(Take(), run =>
        {
            run.Log.Run(MigrationPhase.Resume, () => run.Reconnect(destination, progress, cancellationToken));
            run.Log.Run(MigrationPhase.Push, run.PushMissing);
        });
    }

    /// <summary>Gives the migration up: the domain's half here is destroyed. What is missing at the destination is lost.</summary>
    /// <exception cref="InvalidOperationException">It was resumed or given up before.</exception>
    /// <exception cref="MigrationException">It is given up; what is left of it here could not be destroyed, and never runs.</exception>
    public void GiveUp() => Take().GiveUp();

    /// <summary>Leaves the domain to whoever takes the migration over next: it goes on leaving, and this process has nothing of it any more.</summary>
    /// <exception cref="InvalidOperationException">It was resumed or given up before.</exception>
    internal void Relinquish() => Take().Relinquish();

    private SourceMigration Take() => Interlocked.Exchange(ref _run, null) ?? throw new InvalidOperationException(
        $"The interrupted migration of {Domain.Name} was resumed or given up before.");
}

/// <summary>A migration lost its connection after the commit: both sides keep what they have.</summary>
public sealed class MigrationInterruptedException : MigrationException
{
    internal MigrationInterruptedException(
        MigrationErrorId errorId, string message, string remedy, InterruptedMigration migration, Exception innerException)
        : base(errorId, message, remedy, migration.Domain.Name, innerException) => Migration = migration;

    /// <summary>The migration, to be resumed.</summary>
    public InterruptedMigration Migration { get; }
}

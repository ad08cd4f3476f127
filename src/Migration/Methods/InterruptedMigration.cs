using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// The source's half of a migration that lost its connection after the commit: the stopped domain with its memory. It stays
/// as it is until it is resumed or abandoned, once.
/// </summary>
public sealed class InterruptedMigration
{
    private readonly SourceMigration _run;
    private int _isTaken;

    internal InterruptedMigration(SourceMigration run) => _run = run;

    /// <summary>The domain.</summary>
    public DomainInfo Domain => _run.Domain.Info;

    /// <summary>Connects again, reconciles, and finishes the migration.</summary>
    /// <param name="destination">The way to the receiver that has the domain; a new tunnel may begin elsewhere.</param>
    /// <param name="progress">Told at most five times a second; null for nobody.</param>
    /// <param name="cancellationToken">Gives up as long as the destination has not answered; everything stays as it is.</param>
    /// <exception cref="MigrationInterruptedException">The connection was lost again, or there was none: everything is kept
    /// as it was, and the exception has the migration to resume.</exception>
    /// <exception cref="MigrationException">The domain never ran at the destination: it runs on here.</exception>
    /// <exception cref="InvalidOperationException">It was resumed or abandoned before.</exception>
    public Task<MigrationResult> ResumeAsync(
        Route destination, IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        Take();
        return MigrationSource.RunAsync(_run, run =>
        {
            run.Log.Run(MigrationPhase.Resume, () => run.Reconnect(destination, progress, cancellationToken));
            run.Log.Run(MigrationPhase.Push, run.PushMissing);
        });
    }

    /// <summary>Gives the migration up: the domain's half here is destroyed. What is missing at the destination is lost.</summary>
    /// <exception cref="InvalidOperationException">It was resumed or abandoned before.</exception>
    public void Abandon()
    {
        Take();
        using PreRecordSession session = _run.Session;
        using SourceMigration run = _run;
        session.LetGo();
        session.Domain.Destroy();
        session.Forget();
    }

    private void Take()
    {
        if (Interlocked.Exchange(ref _isTaken, 1) != 0)
        {
            throw new InvalidOperationException($"The interrupted migration of {Domain.Name} was resumed or abandoned before.");
        }
    }
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

using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Migrations of other processes that a pipeline's thread waits for: it hears what those processes say, and writes what becomes of each.</summary>
internal sealed class MovesElsewhere : IDisposable
{
    private readonly MigrationCmdlet _cmdlet;
    private readonly Action<DomainProgress> _onEnded;
    private readonly FollowedProcesses _processes;
    private readonly List<Move> _active = [];

    /// <param name="cmdlet">The cmdlet that waits.</param>
    /// <param name="writer">The way to the pipeline's thread.</param>
    /// <param name="onEnded">Told, on that thread, of the bar of one that has ended.</param>
    public MovesElsewhere(MigrationCmdlet cmdlet, PipelineWriter writer, Action<DomainProgress> onEnded) =>
        (_cmdlet, _onEnded, _processes) = (cmdlet, onEnded, new FollowedProcesses(writer, Hear));

    /// <summary>Those that have not ended, as was last heard.</summary>
    public IReadOnlyList<MigrationInfo> Active => [.. _active.Select(move => move.Last)];

    /// <summary>Whether a migration is waited for.</summary>
    public bool Has(MigrationElsewhere found) => _active.Any(move => move.Last.InstanceId == found.Migration.InstanceId);

    /// <summary>Waits for a migration from now on; one that has ended is written, too.</summary>
    public void Add(MigrationElsewhere found, DomainProgress progress)
    {
        _active.Add(new Move(progress) { Last = found.Migration });
        _processes.Follow(found.Process);
    }

    /// <inheritdoc/>
    public void Dispose() => _processes.Dispose();

    private void Hear(ProcessElsewhere process)
    {
        Move[] its = [.. _active.Where(move => move.Last.ProcessId == process.Id)];
        if (its.Length > 0 && !process.HasEnded && process.Problem is { } problem)
        {
            _cmdlet.WriteWarning(Text.Format(SR.WarningElsewhereSilent, process.Description, problem));
        }

        foreach (Move move in its)
        {
            MigrationInfo? said = process.Migrations.FirstOrDefault(migration => migration.InstanceId == move.Last.InstanceId);
            Warn(move, said ?? move.Last);
            if (said is not null && !said.IsUnderWay())
            {
                End(move);
                MoveOutcome.Write(_cmdlet, said);
            }
            else if (said is null || process.HasEnded)
            {
                End(move);
                _cmdlet.WriteError(ErrorRecords.From(Ended(process, move.Last), null));
            }
            else
            {
                move.Last = said;
                if (said.Phase is { } phase)
                {
                    move.Progress.Report(new MigrationProgress(
                        phase,
                        said.PagesDone,
                        said.PagesTotal,
                        said.BytesSent,
                        said.BytesPerSecond,
                        said.Remaining is { } left ? TimeSpan.FromSeconds(left) : null)
                    {
                        Pages = said.SentPages(),
                        FaultsPerSecond = said.FaultsPerSecond,
                        StalledShare = said.StalledShare,
                        Holder = said.Holder,
                    });
                }
            }
        }
    }

    /// <summary>Writes the warnings that have come since the last time; those there were before, at the first.</summary>
    private void Warn(Move move, MigrationInfo said)
    {
        foreach (string warning in said.Warnings.Skip(move.Warned))
        {
            _cmdlet.WriteWarning(warning);
        }

        move.Warned = Math.Max(move.Warned, said.Warnings.Count);
    }

    private void End(Move move)
    {
        _active.Remove(move);
        _onEnded(move.Progress);
    }

    /// <summary>The error of a migration whose process has gone without a word of how it ended.</summary>
    private static CommandException Ended(ProcessElsewhere process, MigrationInfo last)
    {
        bool hasLeft = last.Holder is DomainHolder.Leaving or DomainHolder.Both or DomainHolder.Destination;
        return new CommandException(
            nameof(SR.MigrationProcessEnded),
            ErrorCategory.ResourceUnavailable,
            Text.Format(SR.MigrationProcessEnded, process.Description, last.Id, last.Name, last.Phase, last.Holder),
            Text.Format(hasLeft ? SR.MigrationProcessEndedLeft : SR.MigrationProcessEndedStayed, last.Name, last.Source, last.Destination),
            last.Name);
    }

    private sealed class Move(DomainProgress progress)
    {
        public DomainProgress Progress => progress;

        public required MigrationInfo Last { get; set; }

        /// <summary>How many of its warnings were written.</summary>
        public int Warned { get; set; }
    }
}

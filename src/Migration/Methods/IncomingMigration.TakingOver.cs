using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>A migration whose tool here was killed, in the hands of another one.</content>
public sealed partial class IncomingMigration
{
    /// <summary>A migration as it was left. Nobody works on it until its source has come back.</summary>
    private IncomingMigration(
        ArrivalJournal journal, IncomingMark mark, IMigrationHost host, TimeSpan peerTimeout, TimeProvider clock, MemoryBudget budget)
        : this(journal.Session, host, journal.Peer, journal.Source, peerTimeout, clock, budget)
    {
        _domainName = journal.Prepare.Description.Name;
        MigrationException killed = new(
            MigrationErrorId.ConnectionLost,
            $"The process that took {DomainName} in here was killed.",
            $"Resume-Migration {DomainName} at its source goes on.",
            DomainName);
        _asLeft = mark == IncomingMark.Preparing ? new DestinationState.Unproved(killed) : new DestinationState.Detached(killed);
        _ended.TrySetResult();
    }

    /// <summary>Takes a migration over whose source has come back and whose tool here was killed.</summary>
    /// <param name="session">The migration.</param>
    /// <param name="peer">Who the source is, as the transport has proved it; null where it proves nothing.</param>
    /// <param name="host">Where it came in.</param>
    /// <param name="peerTimeout">How long its source may be silent.</param>
    /// <param name="clock">Measures that.</param>
    /// <param name="budget">The memory of this process that all migrations share.</param>
    /// <param name="atEnd">Told when it has come to an end.</param>
    /// <returns>Null where nothing is left of such a migration.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotTrusted"/>: it came from another peer;
    /// <see cref="MigrationErrorId.DomainBusy"/>: another tool works on it; <see cref="MigrationErrorId.DomainState"/>: it may be one of which what was kept
    /// is not understood; or its domain cannot be opened, and is left as it was.</exception>
    internal static IncomingMigration? TakeOver(
        Guid session, string? peer, IMigrationHost host, TimeSpan peerTimeout, TimeProvider clock, MemoryBudget budget,
        Action<IncomingMigration> atEnd)
    {
        ArrivalJournal journal = null!;
        bool isOneUnknown = false;
        if (host.OpenArrival(Recognise) is not { } left)
        {
            // That nothing is here would have an administrator give up the other half.
            return isOneUnknown ? throw NotUnderstood() : null;
        }

        IncomingMigration? taken = null;
        try
        {
            taken = new IncomingMigration(journal, left.Mark, host, peerTimeout, clock, budget) { AtEnd = atEnd };
            if (left.Mark == IncomingMark.Started)
            {
                taken.TakeFor(journal.Prepare.Description);
                taken.Populated = PopulatedOf(journal.Prepare.Description);
            }

            taken.Custody.Adopt(left, journal.Prepare.RemotePF);
            if (taken.Holding == IncomingHolding.Whole)
            {
                taken.Custody.HaveAll();
                taken.MakeReport(0);
            }

            return taken;
        }
        catch (Exception error)
        {
            // What is whole runs on, whatever fails here.
            throw CleanUp.After(
                error, () => taken?.GiveShareBack(), left.Mark == IncomingMark.Whole ? left.Domain.Unpause : () => { }, left.Domain.Dispose);
        }

        DomainDescription? Recognise(ReadOnlyMemory<byte> kept)
        {
            if (ArrivalJournal.Read(kept.Span) is not { } read)
            {
                isOneUnknown = true;
                return null;
            }

            if (read.Session != session)
            {
                return null;
            }

            if (read.Peer != peer)
            {
                throw OtherSource();
            }

            journal = read;
            return read.Prepare.Description;
        }
    }

    /// <summary>The refusal of a source that wants to go on with the migration of another one.</summary>
    internal static MigrationException OtherSource() =>
        ProtocolErrors.OtherPeer("The migration that is to be resumed came from another peer, with another certificate.");

    private static MigrationException NotUnderstood() => new(
        MigrationErrorId.DomainState,
        "A domain came in here by a process that has ended, and what was kept of it is damaged or another version's: it may be the one that is to be resumed.",
        "Destroy neither half. Where the module was changed here since (the history says when the domain came in), have a receiver of the version that it was, and "
        + "resume there. Look at the domains named NAME--incoming-… here (xl list).");

    /// <summary>Gives back what was taken over and with which nothing was done: it is there for whoever takes it over next.</summary>
    internal void LeaveAsFound() => CleanUp.All(GiveShareBack, Custody.LeaveAsFound);

    /// <summary>Gives back what was taken of the receiver's memory, and of the domain's faults.</summary>
    private void GiveShareBack()
    {
        Memory.Dispose();
        _place.Dispose();
        Custody.Paging?.Dispose();
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <content>The limits on what sources may take of a receiver.</content>
public sealed partial class MigrationReceiver
{
    /// <summary>How many migrations may be under way; each has threads of its own.</summary>
    internal const int MaximumUnderWay = 128;

    /// <summary>How many of them may be of one source, so that others have room beside it.</summary>
    internal const int MaximumOfSource = 64;

    /// <summary>How many ended migrations of each source are remembered.</summary>
    internal const int MaximumEnded = 256;

    /// <summary>Refuses a migration where too many are under way. Call it with the gate held.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>.</exception>
    private void RequireRoom(string? source)
    {
        List<IncomingMigration> underWay = _incoming.FindAll(incoming => !incoming.Ended.IsCompleted);
        int ofSource = underWay.Count(incoming => incoming.Peer == source);
        if (underWay.Count >= MaximumUnderWay || ofSource >= MaximumOfSource)
        {
            throw new MigrationException(
                MigrationErrorId.OutOfMemory,
                $"{underWay.Count} migrations come in already, {ofSource} of them from this source; the receiver takes {MaximumUnderWay}, and {MaximumOfSource} of one source.",
                "Migrate fewer domains at a time: -ThrottleLimit says how many.");
        }
    }

    /// <summary>Begins a migration, where there is memory for it. Call it with the gate held.</summary>
    /// <returns>The work of its owner, to be done without the gate; it throws nothing.</returns>
    private Action Begin(ConnectionPair pair)
    {
        IncomingMigration incoming = new(
            pair.Session, _listener.IsPrivate ? Host.ForItself : Host, pair.Bulk, pair.Demand, _peerTimeout, _clock, Budget)
        {
            AtEnd = OnEnd,
        };
        Trace(incoming);
        IncomingMigration[] forgotten = Forget(pair.Bulk.Peer);
        _incoming.Add(incoming);
        return () =>
        {
            LetGo(forgotten);
            incoming.Run();
        };
    }

    /// <summary>Adds to what a host says of a domain whether this process has the memory that it takes to receive it.</summary>
    private AdmissionVerdict JudgeRoom(AdmissionVerdict verdict, DomainDescription description, string? source)
    {
        long needed = IncomingMigration.CostOf(description);
        return needed <= Budget.LeftFor(source)
            ? verdict
            : verdict.And(
                [AdmissionRefusal.OfRoom($"to receive it would take {MemoryShare.Shortage(Budget, source, needed)}: give the control domain there more memory, or migrate fewer domains at a time")]);
    }

    /// <summary>
    /// Forgets the oldest migrations of a source that nobody can resume, give up or wait for any more; first those of which the source knows
    /// by itself that they never ran here. Call it with the gate held.
    /// </summary>
    /// <returns>Those that were forgotten, to be let go of without the gate.</returns>
    private IncomingMigration[] Forget(string? source)
    {
        List<IncomingMigration> ended = _incoming.FindAll(
            incoming => incoming.Peer == source && incoming.Ended.IsCompleted && !incoming.IsUndecided);
        IncomingMigration[] forgotten = [.. ended.OrderBy(incoming => incoming.MayBeAskedFor).Take(ended.Count + 1 - MaximumEnded)];
        _incoming.RemoveAll(forgotten.Contains);
        return forgotten;
    }

    /// <summary>Lets go of what was forgotten. One of which that fails is known again, with the reason, and let go of before the next one comes.</summary>
    private void LetGo(IncomingMigration[] forgotten)
    {
        foreach (IncomingMigration incoming in forgotten)
        {
            if (!incoming.TryLetGo())
            {
                lock (_gate)
                {
                    _incoming.Insert(0, incoming);
                }
            }
        }
    }
}

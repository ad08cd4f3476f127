using PreRecordMigration.Custody;
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
    private IncomingMigration Begin(ConnectionPair pair)
    {
        IncomingMigration incoming = new(
            pair.Session, _listener.IsPrivate ? Host.ForItself : Host, pair.Bulk, pair.Demand, _peerTimeout, _clock, Budget)
        {
            AtEnd = ended => _atEnd?.Invoke(ended),
        };
        Trace(incoming);
        Forget(pair.Bulk.Peer);
        _incoming.Add(incoming);
        return incoming;
    }

    /// <summary>Adds to what a host says of a domain whether this process has the memory that it takes to receive it.</summary>
    private AdmissionVerdict JudgeRoom(AdmissionVerdict verdict, DomainDescription description, string? source)
    {
        long needed = IncomingMigration.CostOf(description);
        return needed <= Budget.LeftFor(source)
            ? verdict
            : verdict with
            {
                Refusals =
                [
                    .. verdict.Refusals.Take(AdmissionVerdict.MostRefusals - 1),
                    AdmissionRefusal.OfRoom($"to receive it would take {MemoryShare.Shortage(Budget, source, needed)}: give the control domain there more memory, or migrate fewer domains at a time"),
                ],
            };
    }

    /// <summary>
    /// Forgets the oldest migrations of a source that nobody can resume, give up or wait for any more; first those of which nothing ever
    /// came. Call it with the gate held.
    /// </summary>
    private void Forget(string? source)
    {
        List<IncomingMigration> ended = _incoming.FindAll(
            incoming => incoming.Peer == source && incoming.Ended.IsCompleted && !incoming.IsUndecided);
        foreach (IncomingMigration forgotten in ended
            .OrderBy(incoming => incoming.Holding is not (IncomingHolding.None or IncomingHolding.Gone))
            .Take(ended.Count + 1 - MaximumEnded))
        {
            // One that cannot be let go of is looked at once more, with the reason, before the next one comes.
            if (forgotten.TryLetGo())
            {
                _incoming.Remove(forgotten);
            }
        }
    }
}

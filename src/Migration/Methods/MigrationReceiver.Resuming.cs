using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <content>A source that comes back.</content>
public sealed partial class MigrationReceiver
{
    /// <summary>How long a source that comes back waits for the attempt that it has lost to end here: a hypercall may take a while.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(30);

    private readonly Lock _takingOver = new();

    /// <summary>A source has come back: goes on with its migration, or says how it ended here.</summary>
    /// <param name="known">The migration; null where this receiver does not know it.</param>
    /// <param name="pair">The new connections.</param>
    private void Resume(IncomingMigration? known, ConnectionPair pair)
    {
        (Connection bulk, Connection demand) = (pair.Bulk, pair.Demand);
        try
        {
            // The source has lost the connections, whether that was noticed here or not.
            known?.Disconnect();

            // The welcome comes first: from then on the source hears this side's beats, however long the last attempt takes to end.
            demand.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
            bulk.Send(new WelcomeRecord(Protocol.Version, Protocol.Capabilities));
            IncomingMigration? migration = known ?? TakeOver(pair);
            if (migration is null && !HasTakenDown(pair))
            {
                throw NeverSeen();
            }

            if (migration is null || !GoOn(migration, bulk, demand))
            {
                Answer(bulk, demand, new ResumeRecord(ResumePosition.NeverRan, new Pages.PageBitmap(0)));
            }
        }
#pragma warning disable CA1031 // The last resort of this thread: a source that comes back gets an answer, whatever is wrong here.
        catch (Exception error)
#pragma warning restore CA1031
        {
            MigrationException reason = ProtocolErrors.Of(error);
            Answer(bulk, demand, new AbortRecord(reason.ErrorId, reason.Message, reason.Remedy));
        }
    }

    /// <summary>Goes on with a migration over new connections, when its last attempt has ended.</summary>
    /// <returns>False where nothing of the domain is here.</returns>
    private bool GoOn(IncomingMigration migration, Connection bulk, Connection demand)
    {
        if (!migration.Ended.Wait(s_endPatience))
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy,
                $"What {migration.DomainName} was doing when its connection was lost has not ended yet.",
                "Resume it again in a moment; if that does not help, look at the destination's hypervisor.",
                migration.DomainName);
        }

        lock (_gate)
        {
            // Whoever stops the receiver decides about the migrations that it found; none may join them afterwards.
            RequireGoingOn();
        }

        return migration.Resume(bulk, demand);
    }

    /// <summary>Says one thing to a source that came back and was welcomed, and closes.</summary>
    private static void Answer(Connection bulk, Connection demand, ControlRecord answer)
    {
        try
        {
            bulk.Send(answer);
        }
        catch (MigrationException)
        {
            // The source has gone again, and may come back again.
        }

        bulk.CloseAfterPeer(s_farewell);
        demand.Dispose();
    }

    /// <summary>
    /// Takes a migration over that another process took in and that was killed. Its source may come twice at once: one after the other is
    /// looked after, and the second finds what the first did.
    /// </summary>
    /// <returns>Null where nothing is left of it.</returns>
    private IncomingMigration? TakeOver(ConnectionPair pair)
    {
        if (!_takingOver.TryEnter(s_endPatience))
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy,
                "Another migration is being taken over here, and that does not end.",
                "Resume it again in a moment; if that does not help, look at the destination's hypervisor.");
        }

        try
        {
            lock (_gate)
            {
                if (_incoming.Find(incoming => incoming.Id == pair.Session) is { } known)
                {
                    return known;
                }

                RequireGoingOn();
            }

            IncomingMigration? taken = _listener.IsPrivate
                ? null
                : IncomingMigration.TakeOver(pair.Session, pair.Bulk.Peer, Host, _peerTimeout, _clock, Budget, OnEnd);
            return taken is null ? null : Join(taken);
        }
        finally
        {
            _takingOver.Exit();
        }
    }

    /// <summary>Whether what came in by this migration, from this peer, never ran here and was taken down by whoever looked after it.</summary>
    private bool HasTakenDown(ConnectionPair pair) => !_listener.IsPrivate
        && Host.HasTakenDown(kept => ArrivalJournal.Read(kept.Span) is { } read && read.Session == pair.Session && read.Peer == pair.Bulk.Peer);

    /// <summary>Lets a migration that was taken over join the others. Who stops the receiver decides about those that it found: then this one
    /// stays as it was left, for the next.</summary>
    private IncomingMigration Join(IncomingMigration taken)
    {
        lock (_gate)
        {
            if (!_isStopping)
            {
                Trace(taken);
                _incoming.Add(taken);
                return taken;
            }
        }

        taken.LeaveAsFound();
        throw ProtocolErrors.ReceiverStopped();
    }

    /// <summary>Refuses where the receiver is being stopped. Call it with the gate held.</summary>
    private void RequireGoingOn()
    {
        if (_isStopping)
        {
            throw ProtocolErrors.ReceiverStopped();
        }
    }

    /// <summary>What is not known here must not be said to have never run.</summary>
    private static MigrationException NeverSeen() => new(
        MigrationErrorId.DomainNotFound,
        "This receiver has never seen the migration that is to be resumed, and nothing is left here of one that another process took in.",
        "Look at the host that it went to. Where the domain runs there by its own name it has arrived, and Stop-Migration -Force at its source takes away "
        + "what is left of it there. Where it runs as NAME--incoming, resume it at a receiver of that host. Where it is not there and certainly "
        + "never ran there, end this session and take it back (Stop-Migration -NeverRanThere). Where that host was lost, or what ran there was destroyed, nobody "
        + "can complete it: give it up at its source, and restore the domain from a backup.");
}

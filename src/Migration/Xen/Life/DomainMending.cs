using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>Does with a domain what a killed process noted for whoever comes next.</summary>
internal static class DomainMending
{
    /// <summary>Refuses a domain that may run elsewhere, and destroys what is left here of one that does.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it was leaving;
    /// <see cref="MigrationErrorId.DomainNotFound"/>: it had left, and what was left of it here is gone now.</exception>
    internal static void RequireOurs(KnownDomain domain, SourceMarker marker, SourceMarker.Found found, DomainOutputs outputs)
    {
        switch (found.Mark)
        {
            case SourceMark.Leaving:
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"{domain.Name} was moving when the tool was killed: it stands still here (domain {domain.DomId}) and may run at its destination, "
                    + (found.Departure?.Destination ?? "of which nothing is noted") + ".",
                    $"Resume-Migration {domain.Name} -TakeOver -Destination PLACE goes on with its migration. Where that is refused, look there. If {domain.Name} or {domain.Name}{ArrivalNames.Suffix}* runs there, destroy the one here "
                    + $"(xl destroy {domain.DomId}). Only if it certainly does not: Stop-Migration {domain.Name} -NeverRanThere wakes the one here. "
                    + "`xl unpause` does not wake a suspended domain.",
                    domain.Name);
            case SourceMark.Destroying:
                // Its devices wait for packets that are held.
                CleanUp.All(() => outputs.Settle(domain.Uuid, found.Mark), domain.Destroy);
                outputs.Settle(domain.Uuid, found.Mark);
                marker.Remove();
                found.Departure?.DeleteOriginals();
                throw new MigrationException(
                    MigrationErrorId.DomainNotFound,
                    $"{domain.Name} has moved away{(found.Departure?.Destination is { } destination ? $" to {destination}" : "")}. What a killed tool left of it here (domain {domain.DomId}) has been destroyed.",
                    "Look for it at its destination.",
                    domain.Name);
            default:
                return;
        }
    }

    /// <summary>Refuses to take a domain back that was not leaving.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>.</exception>
    internal static void RequireLeaving(string name, SourceMark? mark)
    {
        if (mark != SourceMark.Leaving)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} was not leaving when a tool was killed: there is nothing to take back.",
                mark is null ? "Migrate it, or record it." : "Record or migrate it: whatever a killed tool left is mended first.",
                name);
        }
    }

    /// <summary>Refuses to wake a domain beside another copy of it on this very host: that one may have run.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>.</exception>
    internal static void RequireOnly(KnownDomain domain)
    {
        foreach ((XenDomainInfo info, string name) in DomainNames.FindAll(domain.Control))
        {
            if ((int)info.DomId != domain.DomId && KnownDomain.UuidOf(info) == domain.Uuid)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"{domain.Name} has another copy on this host, {name} (domain {info.DomId}), which may have run: it is not woken.",
                    $"Look at {name}: where it is whole it is the domain, and the one that left can be destroyed (xl destroy {domain.DomId}). Only where {name} never ran, destroy that one first.",
                    domain.Name);
            }
        }
    }

    /// <summary>Mends a domain that is still this host's: its traps go, and where it was stopped it runs again.</summary>
    internal static void Mend(
        KnownDomain domain, ISourceExamination examination, SourceMarker marker, SourceMark mark, Func<IDomainControl> connect, DomainOutputs outputs)
    {
        XenDomainFlags flags = domain.Require().Flags;
        bool ran = !flags.HasFlag(XenDomainFlags.Shutdown) && !flags.HasFlag(XenDomainFlags.Paused);
        if (ran)
        {
            // Mending pauses the domain: should this process be killed meanwhile, the next one wakes it.
            marker.Write(SourceMark.Stopped);
        }

        domain.Pause();
        try
        {
            examination.RemoveTraps();
        }
        catch (Exception error) when (ran)
        {
            throw CleanUp.After(error, domain.Unpause, () => marker.Write(mark));
        }

        // Where a disk's overlay stays the domain stays stopped: nobody watches whether there is room in it.
        CleanUp cleaning = new();
        if (!cleaning.Try(() => outputs.Settle(domain.Uuid, mark)) && outputs.Left(domain.Uuid) is { MayRun: false })
        {
            cleaning.ThrowIfFailed();
        }

        new DomainSuspension(domain, connect).Settle();
        if (ran)
        {
            // Only the own pause ends: a suspension since is somebody else's, as of `xl migrate`, whose copy may run.
            CleanUp.All(examination.ContinueEmulator, domain.Unpause);
        }
        else if (mark == SourceMark.Stopped)
        {
            CleanUp.All(examination.ContinueEmulator, domain.Wake);
        }
        else if (!flags.HasFlag(XenDomainFlags.Paused))
        {
            domain.Unpause();
        }

        cleaning.ThrowIfFailed();
    }
}

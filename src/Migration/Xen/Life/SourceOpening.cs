using PreRecordMigration.Backup;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Life;

/// <summary>Opens a domain as a source: becomes its owner, mends what a killed process left, and checks what can be checked beforehand.</summary>
/// <param name="control">A connection of its own, given over where the domain is opened.</param>
/// <param name="examine">Examines a domain by its name; refuses what cannot be recorded or moved.</param>
/// <param name="connect">Opens another connection.</param>
/// <param name="layers">What the control domain has for holding outputs back.</param>
internal sealed class SourceOpening(
    IDomainControl control, Func<XenDomainInfo, string, ISourceExamination> examine, Func<IDomainControl> connect, OutputLayers layers)
{
    /// <summary>Opens the domain.</summary>
    /// <param name="name">The domain's name.</param>
    /// <param name="isReleased">The administrator says that the domain, which was leaving, never ran elsewhere: it is woken.</param>
    internal XenSourceDomain Open(string name, bool isReleased = false)
    {
        SweepLeft();
        (XenDomainInfo info, KnownDomain domain, SourceMarker marker) = Find(control, name);
        DomainOutputs outputs = new(control, layers, domain.DomId, name);
        SourceMarker.Found? noted = marker.Claim(name);
        SourceMark? left = noted?.Mark;
        try
        {
            if (isReleased)
            {
                DomainMending.RequireLeaving(name, left);
                LeftDomain.RequireNeverRan(name, noted?.Departure);
                DomainMending.RequireOnly(domain);
                marker.Write(SourceMark.Stopped);
                left = SourceMark.Stopped;
            }
            else if (noted is { } found)
            {
                DomainMending.RequireOurs(domain, marker, found, outputs);
            }

            ISourceExamination examination = examine(info, name);
            if (left is { } mark)
            {
                DomainMending.Mend(domain, examination, marker, mark, connect, outputs);
                marker.Write(SourceMark.Running);
                left = null;
            }
            else
            {
                new DomainSuspension(domain, connect).Settle();
            }

            RequireRunning(domain);
            noted?.Departure?.DeleteOriginals();
            return new XenSourceDomain(domain, examination.Info, examination.Build(), marker, connect, layers);
        }
        catch (Exception error)
        {
            throw CleanUp.After(error, () => Unclaim(domain, marker, isLeft: left is not null));
        }
    }

    /// <summary>Opens a domain that was leaving: it is not woken, and its mark goes on to say that it leaves.</summary>
    /// <param name="name">The domain's name.</param>
    internal LeftDomain OpenLeaving(string name)
    {
        SweepLeft();
        (XenDomainInfo info, KnownDomain domain, SourceMarker marker) = Find(control, name);
        SourceMarker.Found? noted = marker.Claim(name);
        try
        {
            Departure departure = LeftDomain.Require(name, noted?.Mark, noted?.Departure);
            RequireStanding(info, noted!.Value.Leave!, name);
            ISourceExamination examination = examine(info, name);
            RemoveLeftTraps(domain, examination, wasPaused: info.Flags.HasFlag(XenDomainFlags.Paused));
            return new LeftDomain(
                new XenSourceDomain(domain, examination.Info, examination.Build(), marker, connect, layers),
                departure,
                new DomainOutputs(control, layers, domain.DomId, name).Left(domain.Uuid));
        }
        catch (Exception error)
        {
            throw CleanUp.After(error, () => Unclaim(domain, marker, isLeft: noted is not null));
        }
    }

    /// <summary>
    /// Removes what a killed process left of a ring or a recording, which would keep this one from the domain's pages. It stands still meanwhile
    /// and afterwards: what is suspended does not run when its pause ends.
    /// </summary>
    private static void RemoveLeftTraps(KnownDomain domain, ISourceExamination examination, bool wasPaused)
    {
        domain.Pause();
        examination.RemoveTraps();
        if (!wasPaused)
        {
            domain.Unpause();
        }
    }

    /// <summary>Takes away what killed tools left of any domain, and of which nobody will make use.</summary>
    private void SweepLeft()
    {
        // Where the folder of originals cannot be used, the recording says what that means for it.
        new CleanUp().Try(BackupFiles.Sweep);
        StaleNotes.Remove(control, layers);
    }

    /// <summary>Finds a domain that does not come in, and its mark. Looks, and touches nothing.</summary>
    private static (XenDomainInfo Info, KnownDomain Domain, SourceMarker Marker) Find(IDomainControl control, string name)
    {
        XenDomainInfo info = DomainNames.Require(control, name);
        KnownDomain domain = new(control, (int)info.DomId, KnownDomain.UuidOf(info), name);
        IncomingMarker.RequireNotComingIn(domain);
        return (info, domain, new SourceMarker(control, domain.DomId, domain.Uuid));
    }

    /// <summary>Refuses a domain that was leaving and that somebody has let run since, whether it stands still again or not: its memory is not
    /// what left any more.</summary>
    private static void RequireStanding(XenDomainInfo info, SourceMarker.Leave leave, string name)
    {
        bool stands = info.Flags.HasFlag(XenDomainFlags.Shutdown) || info.Flags.HasFlag(XenDomainFlags.Paused);
        if (!stands || info.CpuTimeNanoseconds != leave.CpuTime)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} was leaving, and {(stands ? "has run here since" : "runs here")}: somebody has let it run, so that its memory is not what its destination misses.",
                $"{(stands ? "Look" : "Pause it, look")} at its destination, and keep one of the two.",
                name);
        }
    }

    /// <summary>Refuses a domain that comes in, or that a living process works on. Looks, and touches nothing.</summary>
    /// <param name="control">A connection.</param>
    /// <param name="name">The domain's name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/> or
    /// <see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    internal static void RequireUnclaimed(IDomainControl control, string name) => Find(control, name).Marker.RequireUnclaimed(name);

    private static void RequireRunning(KnownDomain domain)
    {
        XenDomainInfo info = domain.Require();
        if (info.Flags.HasFlag(XenDomainFlags.Shutdown) || info.Flags.HasFlag(XenDomainFlags.Paused))
        {
            bool isPaused = info.Flags.HasFlag(XenDomainFlags.Paused);
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{domain.Name} {(isPaused ? "is paused" : ShutdownReasons.Describe(info.ShutdownReason))}; a source must run.",
                isPaused ? $"xl unpause {domain.DomId}" : "Start it, or end what suspended it.",
                domain.Name);
        }
    }

    /// <summary>Leaves what could not be mended marked, with an owner that will be found dead, so that the next tool tries again.</summary>
    private static void Unclaim(KnownDomain domain, SourceMarker marker, bool isLeft)
    {
        if (isLeft && domain.Find() is not null)
        {
            marker.Orphan();
        }
        else
        {
            marker.Remove();
        }
    }
}

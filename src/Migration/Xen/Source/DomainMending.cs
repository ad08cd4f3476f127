using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>Mends a domain that a killed process left: its ring, its traps, its waiting vCPUs, and its standstill.</summary>
internal static class DomainMending
{
    /// <summary>Mends.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="facts">The domain.</param>
    /// <param name="stage">What the killed process did last.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: the domain may run elsewhere by now,
    /// and must not be woken here.</exception>
    internal static void Mend(XenControl control, DomainFacts facts, SourceStage stage)
    {
        string name = facts.Info.Name;
        if (stage == SourceStage.Leaving)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} was about to move when the tool was killed: it stands still here and may run at the destination.",
                $"Look at the destination. If {name} runs there, destroy the one here (xl destroy {facts.DomId}). Only if it does not: "
                + $"xenstore-write {SourceMarker.PathOf(facts.DomId)} \"$(xenstore-read {SourceMarker.PathOf(facts.DomId)} | sed s/Leaving/Stopped/)\", "
                + "and run this again: that mends it.",
                name);
        }

        bool wasPaused = control.GetDomain(facts.DomId).Flags.HasFlag(XenDomainFlags.Paused);
        control.Pause(facts.DomId);
        try
        {
            RemoveTraps(control, facts);
        }
        finally
        {
            control.Unpause(facts.DomId);
        }

        if (stage == SourceStage.Stopped)
        {
            WakeDomain(control, facts.DomId, wasPaused);
        }
    }

    private static void RemoveTraps(XenControl control, DomainFacts facts)
    {
        try
        {
            XenPagingRing.TryDisable(control, facts.DomId);
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Invalid)
        {
            // No ring was active: the process was killed before it had one, or after it let it go.
        }

        // Every request went to a ring that is gone, so any page may be trapped and any vCPU may wait.
        PageBitmap populated = facts.FindPages(control);
        using PageTraps traps = new(
            new XenTrapPort(control, facts.DomId), facts.PageCount, facts.Info.Name, XenSourceDomain.UntrapPatience,
            TimeProvider.System);
        traps.Adopt(populated, facts.Info.VcpuCount);
        traps.Remove();
    }

    private static void WakeDomain(XenControl control, int domid, bool wasPaused)
    {
        XenDomainInfo info = control.GetDomain(domid);
        if (info.IsSuspended)
        {
            control.Resume(domid);
            control.ResumeStore(domid);
        }
        else if (wasPaused)
        {
            control.Unpause(domid);
        }
    }
}

using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Source;

namespace PreRecordMigration.Xen.Extension;

/// <summary>Ends what a killed process left in the hypervisor's extension: the owner there is the control domain, not a process.</summary>
internal static class ExtensionMending
{
    /// <summary>Ends a recording, whose domain runs on, and frees what it held.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: pages of the domain are missing.</exception>
    internal static void EndRecording(XenControl control, DomainFacts facts)
    {
        using XenExtensionPort port = new(control, facts.DomId);
        EndRecording(port, facts.Info.Name);
    }

    /// <summary>The same.</summary>
    internal static void EndRecording(IExtensionPort port, string subject)
    {
        try
        {
            port.Stop();
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NotThere)
        {
            return; // the process was killed before it prepared anything, or after it had released it
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Busy)
        {
            // Nothing runs (it was prepared or stopped), or pages are missing: releasing tells the two apart.
        }

        try
        {
            port.Release();
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Busy)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{subject}: pages of it are still missing here; it came by a migration whose process was killed.",
                "It cannot be recorded, and will not go on without those pages: destroy it and start it anew.",
                subject,
                exception);
        }
    }
}

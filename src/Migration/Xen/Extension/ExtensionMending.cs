using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>Ends a recording that a killed process left in the hypervisor's extension. For the extension the owner is the control domain
/// and not the process, so it notices nothing of a process that dies.</summary>
internal static class ExtensionMending
{
    /// <summary>Ends a recording, whose domain runs on, and frees what it held.</summary>
    /// <returns>Whether there was one, or the beginning of one.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: pages of the domain are missing.</exception>
    internal static bool EndRecording(XenControl control, int domid, string subject)
    {
        using XenExtensionPort port = new(control, domid);
        return EndRecording(port, subject);
    }

    /// <summary>Ends the recording through a port to the domain.</summary>
    internal static bool EndRecording(IExtensionPort port, string subject)
    {
        try
        {
            port.Stop();
        }
        catch (XenException exception) when (exception.Errno is XenErrno.NotThere or XenErrno.NotSupported)
        {
            // The process was killed before it prepared anything, or after it had released it; or the domain is none that
            // this hypervisor's extension records.
            return false;
        }
        catch (XenException exception) when (exception.Errno == XenErrno.Busy)
        {
            // Nothing runs (it was prepared or stopped), or pages are missing: releasing tells the two apart.
        }

        try
        {
            port.Release();
            return true;
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

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Operations;

/// <summary>This machine's Xen. Nothing native is loaded before <see cref="Open"/>.</summary>
public static class LocalXen
{
    private const string ControlDomainMark = "/proc/xen/capabilities";

    /// <summary>The name this machine's Xen has: the machine's.</summary>
    public static string HostName => Environment.MachineName;

    /// <summary>Whether this is a Xen host's control domain.</summary>
    public static bool IsPresent
    {
        get
        {
            try
            {
                return File.ReadAllText(ControlDomainMark).Contains("control_d", StringComparison.Ordinal);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>Opens it.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.LibraryMissing"/>,
    /// <see cref="MigrationErrorId.AccessDenied"/> and what else keeps Xen from being used.</exception>
    public static IMigrationHost Open() => Xen.Host.XenHost.Open(HostName);
}

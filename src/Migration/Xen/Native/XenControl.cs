using System.Runtime.InteropServices;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Native;

/// <summary>The connection to the hypervisor and its services: control calls, foreign memory, XenStore, libxl.</summary>
/// <remarks>May be used from several threads. One native area per file.</remarks>
internal sealed partial class XenControl : IDomainControl
{
    private const string Host = "The Xen host";
    private readonly XenControlHandle _handle;

    private XenControl(XenControlHandle handle) => _handle = handle;

    /// <summary>The native handle, for batches and rings.</summary>
    internal XenControlHandle Handle => _handle;

    /// <summary>Opens the connection.</summary>
    /// <exception cref="XenLibraryException">The native library is missing or of another version.</exception>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.AccessDenied"/> where the user is not root;
    /// <see cref="MigrationErrorId.NotSupported"/> where this is no control domain of Xen.</exception>
    internal static XenControl Open()
    {
        XenLibrary.Require();
        if (geteuid() != 0)
        {
            throw new MigrationException(
                MigrationErrorId.AccessDenied, "Only root may control Xen's domains.", "Run as root in the control domain.");
        }

        XenLibrary.Check(OpenCore(out XenControlHandle handle), Host);
        return new XenControl(handle);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static string Domain(int domid) => $"Domain {domid}";

    private static void Check(int result, int domid) => XenLibrary.Check(result, Domain(domid));

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint geteuid();

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_open")]
    private static partial int OpenCore(out XenControlHandle handle);
}

/// <summary>Owns a prx_handle.</summary>
internal sealed partial class XenControlHandle : NativeHandle
{
    /// <inheritdoc/>
    protected override bool ReleaseHandle() => CloseCore(handle) == 0;

    [LibraryImport(XenLibrary.Name, EntryPoint = "prx_close")]
    private static partial int CloseCore(nint handle);
}

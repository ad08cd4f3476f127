using System.Runtime.InteropServices;

namespace PreRecordMigration.Xen.Native;

/// <summary>A handle of the native library that is released by disposing alone.</summary>
/// <remarks>
/// Releasing one talks to the hypervisor or joins a thread, which a finalizer must not do. A handle that nobody disposed
/// stays open until the process ends; the kernel then releases what it holds.
/// </remarks>
internal abstract class NativeHandle() : SafeHandle(0, ownsHandle: true)
{
    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            base.Dispose(true);
        }
    }
}

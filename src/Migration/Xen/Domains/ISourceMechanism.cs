using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// What differs between the kinds of source domains: how HVM and PV domains are described, how their memory is found, and what their core
/// state is made of. Who records a domain is another matter (<see cref="IPageRecording"/>). <c>XenSourceDomain</c> does what is the same
/// for all: the domain's life.
/// </summary>
internal interface ISourceMechanism : IDisposable
{
    /// <summary>The domain's memory by page frame number.</summary>
    IGuestMemory Memory { get; }

    /// <summary>What emulates devices beside the domain; null where nothing does.</summary>
    IDeviceEmulator? Emulator { get; }

    /// <summary>Finds the domain's pages as they are now.</summary>
    PageBitmap FindPages();

    /// <summary>What the destination's half of this module must know beforehand.</summary>
    /// <param name="json">The domain's configuration.</param>
    /// <param name="populated">The domain's pages.</param>
    XenDomainConfiguration Describe(string json, PageBitmap populated);

    /// <summary>Starts to track written pages.</summary>
    IDirtyTracker StartDirtyTracking();

    /// <summary>Starts to record.</summary>
    /// <param name="backups">Where originals go; null to record only.</param>
    /// <param name="onDisposed">Called once, when the recorder was disposed.</param>
    IAccessRecorder StartRecording(PageBackup? backups, Action onDisposed);

    /// <summary>Captures the suspended domain's core state, whether it is being recorded or not.</summary>
    /// <param name="populated">What <see cref="FindPages"/> has said since it stands.</param>
    CoreState CaptureCoreState(PageBitmap populated);

    /// <summary>Removes what only a capture needed. Nothing happens while the domain is recorded.</summary>
    void EndCapture();

    /// <summary>The domain is about to be destroyed: lets go of everything that would keep its remnant.</summary>
    void EndWithDomain();
}

using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// What recording and RemotePF need of the hypervisor's prerecord extension for one domain, so that their races can be
/// tested without one. Safe for several threads, but one at a time waits. Disposing leaves the hypervisor's state as it is.
/// </summary>
internal interface IExtensionPort : IDisposable
{
    /// <summary>Becomes the domain's owner.</summary>
    /// <param name="pageCount">Pages with smaller numbers are looked after.</param>
    /// <param name="limit">The store's largest size, in pages.</param>
    /// <exception cref="XenException">EBUSY: the domain has an owner already.</exception>
    void Prepare(int pageCount, int limit);

    /// <summary>Becomes the owner of a domain whose owner was killed.</summary>
    /// <returns>How many pages are looked after.</returns>
    /// <exception cref="XenException">EBUSY: the owner lives; ENXIO: nothing is prepared.</exception>
    long Adopt();

    /// <summary>Makes the store that large, in pages, and lifts the pause of a full one.</summary>
    void Grow(int slots);

    /// <summary>Starts a recording, in epoch 0.</summary>
    void Start(XenExtensionFlags flags);

    /// <summary>Begins the next epoch; the records of the ended one stay until the next call.</summary>
    (long First, long Count) BeginEpoch();

    /// <summary>The extension's state for the domain.</summary>
    XenExtensionState Query();

    /// <summary>Ends recording or serving. Records and store can still be read.</summary>
    /// <exception cref="XenException">EBUSY: pages are missing.</exception>
    void Stop();

    /// <summary>Lets go of every table that is mapped, frees everything and gives up ownership.</summary>
    void Release();

    /// <summary>Declares pages missing; the domain must be paused.</summary>
    void DeclareMissing(PageBitmap missing);

    /// <summary>RemotePF on.</summary>
    void Serve();

    /// <summary>Gives missing pages their contents; a page that is not missing keeps what it has.</summary>
    /// <param name="frames">Machine frames of a PV domain, guest frames of another.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes each.</param>
    /// <returns>How many were gone through; fewer than given where the next one is in use as a page or descriptor table.</returns>
    int Resolve(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages);

    /// <summary>Copies records, of which there must be as many.</summary>
    /// <param name="first">Index of the first.</param>
    /// <param name="records">Receives page frame numbers with <see cref="XenExtension.WriteBit"/>.</param>
    void ReadRecords(long first, Span<uint> records);

    /// <summary>Copies the vCPUs that first touched pages that a served domain asked for, where the flags have <see cref="XenExtensionFlags.Uses"/>.</summary>
    /// <param name="first">Index of the first page's record.</param>
    /// <param name="vcpus">Receives their numbers; -1 where it was none of the domain's own.</param>
    void ReadVcpus(long first, Span<int> vcpus);

    /// <summary>Copies which pages a served domain used, where the flags have <see cref="XenExtensionFlags.Uses"/>.</summary>
    /// <param name="first">Index of the first, below <see cref="XenExtensionState.Uses"/>.</param>
    /// <param name="pfns">Receives page frame numbers.</param>
    void ReadUses(long first, Span<uint> pfns);

    /// <summary>Copies the page frame number of a slot in use, and its original.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="content">Receives <see cref="Page.Size"/> bytes; empty where only the number is wanted.</param>
    int ReadSlot(int slot, Span<byte> content);

    /// <summary>Waits until the extension has something to tell, <see cref="Wake"/> was called or the time is over.</summary>
    void Wait(TimeSpan timeout);

    /// <summary>Ends the wait that runs, or the next one. Any thread.</summary>
    void Wake();

    /// <summary>Lets go of every table that is mapped: they would keep a destroyed domain's remnant.</summary>
    void Unmap();
}

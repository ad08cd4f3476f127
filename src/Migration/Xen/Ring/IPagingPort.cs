using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>
/// What recording and RemotePF need of the hypervisor's paging interface for one domain, so that their races can be tested without a
/// hypervisor.
/// </summary>
internal interface IPagingPort : IDisposable
{
    /// <summary>Waits until there may be requests, <see cref="Wake"/> was called or the time is over. One thread at a time.</summary>
    void Wait(TimeSpan timeout);

    /// <summary>Ends the wait that runs, or the next one. Any thread.</summary>
    void Wake();

    /// <summary>Takes requests. Never beside another call of this or of <see cref="Answer"/>.</summary>
    int Take(Span<XenPagingEvent> events);

    /// <summary>Answers requests. Never beside another call of this or of <see cref="Take"/>.</summary>
    void Answer(ReadOnlySpan<XenPagingEvent> events);

    /// <summary>Runs a paging operation on pages. Several threads at once.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="pfns">The pages.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes each where Prepare gives pages back that were taken away; else empty.</param>
    /// <param name="results">Receives 0 or −errno for each.</param>
    void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results);

    /// <summary>How many of the domain's pages the hypervisor knows to be taken away.</summary>
    long CountPagedOut();

    /// <summary>Stops the vCPUs: none is inside the hypervisor, about to raise a request, once this returns.</summary>
    void PauseDomain();

    /// <summary>Takes the pause back.</summary>
    void UnpauseDomain();

    /// <summary>Switches paging off; false while vCPUs wait for room in the ring.</summary>
    bool TryDisable();
}

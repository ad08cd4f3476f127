using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>What RemotePF needs of the hypervisor for one domain, so that its races can be tested without one.</summary>
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

    /// <summary>Gives the domain pages back with their contents. Several threads at once.</summary>
    /// <param name="pfns">The pages.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes each.</param>
    /// <param name="results">Receives 0 or −errno for each.</param>
    void Prepare(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results);

    /// <summary>How many of the domain's pages the hypervisor knows to be taken away.</summary>
    long CountPagedOut();

    /// <summary>Stops the vCPUs: none is inside the hypervisor, about to raise a request, once this returns.</summary>
    void PauseDomain();

    /// <summary>Takes the pause back.</summary>
    void UnpauseDomain();

    /// <summary>Switches paging off; false while vCPUs wait for room in the ring.</summary>
    bool TryDisable();
}

using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>What trapping a domain's pages needs of the hypervisor, so that its races can be tested without one.</summary>
internal interface ITrapPort : IDisposable
{
    /// <summary>Waits until there may be requests, <see cref="Wake"/> was called or the time is over. One thread at a time.</summary>
    void Wait(TimeSpan timeout);

    /// <summary>Ends the wait that runs, or the next one. Any thread.</summary>
    void Wake();

    /// <summary>Takes requests. Never beside another call of this or of <see cref="Answer"/>.</summary>
    int Take(Span<XenPagingEvent> events);

    /// <summary>Answers requests. Never beside another call of this or of <see cref="Take"/>.</summary>
    void Answer(ReadOnlySpan<XenPagingEvent> events);

    /// <summary>Runs a paging operation without content. Several threads at once.</summary>
    /// <param name="operation">Nominate, Prepare (of pages in place) or Ask.</param>
    /// <param name="pfns">The pages.</param>
    /// <param name="results">Receives 0 or −errno for each.</param>
    void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, Span<int> results);

    /// <summary>Stops the vCPUs: none is inside the hypervisor, about to raise a request, once this returns.</summary>
    void PauseDomain();

    /// <summary>Takes the pause back.</summary>
    void UnpauseDomain();

    /// <summary>Switches paging off; false while vCPUs wait for room in the ring.</summary>
    bool TryDisable();
}

/// <summary>Learns of first touches, on the thread that serves the ring and before the toucher goes on.</summary>
internal interface ITouchObserver
{
    /// <summary>Trapped pages were touched, in this order; none of them has been written yet.</summary>
    /// <exception cref="Exception">The touch must not go on: its vCPU is held until the traps are removed.</exception>
    void OnTouched(ReadOnlySpan<int> pfns);

    /// <summary>The guest gave a page back to the hypervisor: its content is gone.</summary>
    void OnDropped(int pfn);
}

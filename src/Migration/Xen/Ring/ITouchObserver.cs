namespace PreRecordMigration.Xen.Ring;

/// <summary>Learns of first touches, on the thread that serves the ring and before the toucher goes on.</summary>
internal interface ITouchObserver
{
    /// <summary>Trapped pages were touched, in this order; none of them has been written yet.</summary>
    /// <exception cref="Exception">The touch must not go on: its vCPU is held until the traps are removed.</exception>
    void OnTouched(ReadOnlySpan<int> pfns);

    /// <summary>The guest gave a page back to the hypervisor: its content is gone.</summary>
    void OnDropped(int pfn);
}

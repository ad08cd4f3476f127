namespace PreRecordMigration.Ordering;

/// <summary>What a pusher pulls pages from, one by one, while demand faults come in.</summary>
public interface IPushOrder
{
    /// <summary>The page to push next, or −1 when every page has been sent. One thread calls it.</summary>
    int Next();

    /// <summary>The guest waits for a page; it is sent by other means. One thread calls it, beside the one that pulls.</summary>
    /// <param name="pfn">A page of the guest.</param>
    void Steer(int pfn);
}

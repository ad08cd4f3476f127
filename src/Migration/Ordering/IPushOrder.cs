namespace PreRecordMigration.Ordering;

/// <summary>Why a page is pushed when it is.</summary>
public enum PushKind
{
    /// <summary>It was recorded.</summary>
    Recorded,

    /// <summary>It was predicted from what was recorded.</summary>
    Predicted,

    /// <summary>It was left, or is near one that was asked for.</summary>
    Rest,
}

/// <summary>What a pusher pulls pages from, one by one, while demand faults come in.</summary>
public interface IPushOrder
{
    /// <summary>The page to push next, or −1 when every page has been sent. One thread calls it.</summary>
    int Next();

    /// <summary>Why the page of the last <see cref="Next"/> is pushed. The thread that pulls calls it.</summary>
    PushKind Kind { get; }

    /// <summary>The guest waits for a page; it is sent by other means. One thread calls it, beside the one that pulls.</summary>
    /// <param name="pfn">A page of the guest.</param>
    void Steer(int pfn);
}

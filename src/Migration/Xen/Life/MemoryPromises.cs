namespace PreRecordMigration.Xen.Life;

/// <summary>
/// The memory that a host has promised to domains which were let in and do not hold all of theirs yet. Two domains that come at the same
/// time must not both be let in for the same free memory: the toolstack would shrink the control domain to make room.
/// </summary>
/// <param name="free">Bytes of memory that no domain holds.</param>
/// <param name="held">Bytes that a domain holds, by its number; 0 where it has gone.</param>
/// <param name="ledger">Where they stand: one for a machine, whatever number of objects this process has for it.</param>
internal sealed class MemoryPromises(Func<long> free, Func<int, long> held, MemoryLedger ledger)
{
    /// <summary>Bytes of memory that no domain holds, and none was promised.</summary>
    internal long Available
    {
        get
        {
            lock (ledger.Gate)
            {
                // The order matters: what a domain takes between the two readings counts twice for a moment, where the other order would
                // not count it at all.
                long outstanding = ledger.All.Sum(promise => Math.Max(0, promise.Bytes - (promise.DomId is { } domid ? held(domid) : 0)));
                return Math.Max(0, free() - outstanding);
            }
        }
    }

    /// <summary>Lets a domain in, one at a time, and promises it what it needs.</summary>
    /// <param name="judge">Judges it by the memory that is available, and says how many bytes it needs; throws where it is not let in.</param>
    internal MemoryPromise Make(Func<long, long> judge)
    {
        lock (ledger.Gate)
        {
            return Add(judge(Available), null);
        }
    }

    /// <summary>Goes on promising a domain what another process had promised it: it was let in already.</summary>
    /// <param name="domid">The domain.</param>
    /// <param name="bytes">How many bytes it needs in all.</param>
    internal MemoryPromise Renew(int domid, long bytes)
    {
        lock (ledger.Gate)
        {
            return Add(bytes, domid);
        }
    }

    private MemoryPromise Add(long bytes, int? domid)
    {
        MemoryPromise promise = new(ledger, bytes) { DomId = domid };
        ledger.All.Add(promise);
        return promise;
    }
}

/// <summary>The promises of one machine's memory that this process has made and not kept yet.</summary>
internal sealed class MemoryLedger
{
    /// <summary>That of the machine that this process runs on.</summary>
    internal static MemoryLedger OfThisMachine { get; } = new();

    /// <summary>Held by whoever looks at them, or makes one.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>The promises.</summary>
    internal List<MemoryPromise> All { get; } = [];
}

/// <summary>Memory that one domain was promised. Ended when it holds all of it, or never will.</summary>
/// <param name="ledger">Where it stands.</param>
/// <param name="bytes">How many bytes.</param>
internal sealed class MemoryPromise(MemoryLedger ledger, long bytes) : IDisposable
{
    private volatile int _domid = -1;

    /// <summary>How many bytes.</summary>
    internal long Bytes => bytes;

    /// <summary>The domain's number, once it has one: what the domain holds is deducted from the promise.</summary>
    internal int? DomId
    {
        get => _domid < 0 ? null : _domid;
        set => _domid = value ?? -1;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (ledger.Gate)
        {
            ledger.All.Remove(this);
        }
    }
}

using PreRecordMigration.Errors;

namespace PreRecordMigration.Transfer;

/// <summary>
/// The memory of this process that all peers may use together. Whatever is as large as a peer says is taken from this budget before it is
/// allocated. A guest's own memory is the host's, and is not counted here. One peer gets three quarters of the budget at most, so there is
/// always room for another.
/// </summary>
/// <param name="limit">Bytes that may be taken.</param>
internal sealed class MemoryBudget(long limit)
{
    /// <summary>Which part of the machine's memory peers may have, and which part of that is out of reach for any one of them.</summary>
    private const int Part = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _ofPeers = [];
    private long _taken;

    /// <summary>That of this process, whatever number of receivers it has: a quarter of the memory that this machine (on Xen, the control
    /// domain) has.</summary>
    public static MemoryBudget OfThisProcess { get; } = new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Part);

    /// <summary>Bytes that may be taken.</summary>
    public long Limit => limit;

    /// <summary>Bytes that may be taken for one peer.</summary>
    public long LimitOfPeer => limit - (limit / Part);

    /// <summary>Bytes that are taken.</summary>
    public long Taken
    {
        get
        {
            lock (_gate)
            {
                return _taken;
            }
        }
    }

    /// <summary>Begins a share, with nothing in it.</summary>
    /// <param name="peer">For whom, as the transport has proved it; null where it proves nothing: all of those count as one.</param>
    public MemoryShare Share(string? peer) => new(this, peer ?? "");

    /// <summary>Bytes that are left for a peer.</summary>
    public long LeftFor(string? peer)
    {
        lock (_gate)
        {
            return Math.Min(limit - _taken, LimitOfPeer - _ofPeers.GetValueOrDefault(peer ?? ""));
        }
    }

    /// <summary>Takes bytes.</summary>
    /// <returns>False where there is not enough left; nothing is taken then.</returns>
    internal bool TryTake(string peer, long bytes)
    {
        lock (_gate)
        {
            // The total never exceeds the limit, not even for a moment: a request that is refused must not make another one fail that
            // would have fitted.
            if (bytes > LeftFor(peer))
            {
                return false;
            }

            _taken += bytes;
            _ofPeers[peer] = _ofPeers.GetValueOrDefault(peer) + bytes;
            return true;
        }
    }

    /// <summary>Gives some back.</summary>
    internal void Return(string peer, long bytes)
    {
        lock (_gate)
        {
            _taken -= bytes;
            if ((_ofPeers[peer] -= bytes) == 0)
            {
                _ofPeers.Remove(peer);
            }
        }
    }
}

/// <summary>What one connection or migration has taken of a budget. Safe for several threads.</summary>
/// <param name="budget">Where it is taken from.</param>
/// <param name="peer">For whom.</param>
internal sealed class MemoryShare(MemoryBudget budget, string peer) : IDisposable
{
    private readonly Lock _gate = new();
    private long _taken;
    private bool _isClosed;

    /// <summary>Whether it was given back.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
            {
                return _isClosed;
            }
        }
    }

    /// <summary>Takes more bytes. A share that was given back takes nothing any more: what its owner still allocates is let go at
    /// once.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="what">For what, for the error.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>: the peer, or all of them together, would have more
    /// than they may.</exception>
    public void Take(long bytes, string what)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            if (!budget.TryTake(peer, bytes))
            {
                throw new MigrationException(
                    MigrationErrorId.OutOfMemory,
                    $"{what} would take {Shortage(budget, peer, bytes)}.",
                    "Wait for other migrations to end, or give the destination's control domain more memory.");
            }

            _taken += bytes;
        }
    }

    /// <summary>Gives all of it back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
            if (_taken > 0)
            {
                budget.Return(peer, _taken);
            }
        }
    }

    /// <summary>What there is not enough of, to be read behind "would take".</summary>
    internal static string Shortage(MemoryBudget budget, string? peer, long bytes) =>
        $"{bytes} bytes of the receiver's memory; {Math.Max(0, budget.LeftFor(peer))} are left of the {budget.LimitOfPeer} that one source's migrations may have, and of the {budget.Limit} for all";
}

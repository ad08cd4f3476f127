using PreRecordMigration.Errors;

namespace PreRecordMigration.Transfer;

/// <summary>
/// The memory of this process that all peers of a receiver may use together. Whatever is as large as a peer says is taken from this budget
/// before it is allocated. A guest's own memory is the host's, and is not counted here.
/// </summary>
/// <param name="limit">Bytes that may be taken.</param>
internal sealed class MemoryBudget(long limit)
{
    /// <summary>Which part of the machine's memory peers may have.</summary>
    private const int Part = 4;

    private long _taken;

    /// <summary>Bytes that may be taken.</summary>
    public long Limit => limit;

    /// <summary>Bytes that are taken.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>A quarter of the memory that this machine (on Xen, the control domain) has.</summary>
    public static MemoryBudget OfThisMachine() => new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Part);

    /// <summary>Begins a share, with nothing in it.</summary>
    public MemoryShare Share() => new(this);

    /// <summary>Takes bytes.</summary>
    /// <returns>False where there is not enough left; nothing is taken then.</returns>
    internal bool TryTake(long bytes)
    {
        for (long taken = Taken; ;)
        {
            if (bytes > limit - taken)
            {
                return false;
            }

            // The total never exceeds the limit, not even for a moment: a request that is refused must not make another one fail that
            // would have fitted.
            long found = Interlocked.CompareExchange(ref _taken, taken + bytes, taken);
            if (found == taken)
            {
                return true;
            }

            taken = found;
        }
    }

    /// <summary>Gives bytes back.</summary>
    internal void Return(long bytes) => Interlocked.Add(ref _taken, -bytes);
}

/// <summary>What one connection or migration has taken of a budget. Safe for several threads.</summary>
/// <param name="budget">Where it is taken from.</param>
internal sealed class MemoryShare(MemoryBudget budget) : IDisposable
{
    private readonly Lock _gate = new();
    private long _taken;
    private bool _isClosed;

    /// <summary>Takes more bytes. A share that was given back takes nothing any more: what its owner still allocates is let go at
    /// once.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="what">For what, for the error.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutOfMemory"/>: all peers together would have more than they may.</exception>
    public void Take(long bytes, string what)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            if (!budget.TryTake(bytes))
            {
                throw new MigrationException(
                    MigrationErrorId.OutOfMemory,
                    $"{what} would take {bytes} bytes of the receiver's memory; {Math.Max(0, budget.Limit - budget.Taken)} of the {budget.Limit} that it has for all migrations are left.",
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
            if (!_isClosed)
            {
                _isClosed = true;
                budget.Return(_taken);
            }
        }
    }
}

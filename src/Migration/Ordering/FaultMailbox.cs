namespace PreRecordMigration.Ordering;

/// <summary>
/// Hands faults from the one thread that sees them to the one that pushes, without a lock. Bounded: a fault that finds no room
/// is dropped, because it is a hint and newer ones follow.
/// </summary>
internal sealed class FaultMailbox
{
    private const int Capacity = 256;
    private readonly int[] _pfns = new int[Capacity];
    private uint _written;
    private uint _read;

    /// <summary>Puts a fault in.</summary>
    public void Post(int pfn)
    {
        uint written = _written;
        if (written - Volatile.Read(ref _read) < Capacity)
        {
            _pfns[written % Capacity] = pfn;
            Volatile.Write(ref _written, written + 1);
        }
    }

    /// <summary>Takes the oldest fault out.</summary>
    public bool TryTake(out int pfn)
    {
        uint read = _read;
        if (read == Volatile.Read(ref _written))
        {
            pfn = -1;
            return false;
        }

        pfn = _pfns[read % Capacity];
        Volatile.Write(ref _read, read + 1);
        return true;
    }
}

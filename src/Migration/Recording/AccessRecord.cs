namespace PreRecordMigration.Recording;

/// <summary>One recorded access: the first touch of a page within an epoch.</summary>
/// <param name="Sequence">Orders the records of a recording, from 0.</param>
/// <param name="Epoch">Counts the save-and-empty cycles of the access trap, from 0.</param>
/// <param name="Pfn">The page.</param>
/// <param name="Kind">Read or write.</param>
public readonly record struct AccessRecord(int Sequence, int Epoch, int Pfn, AccessKind Kind);

/// <summary>How a page was touched.</summary>
public enum AccessKind : byte
{
    /// <summary>Read or executed.</summary>
    Read = 0,

    /// <summary>Written; where a recorder cannot tell at the first touch, it says <see cref="Read"/>.</summary>
    Write = 1,
}

using System.Globalization;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>Tables and statuses of device-mapper: a line a target.</summary>
internal static class MappedTable
{
    internal const string Snapshot = "snapshot";
    internal const string Merge = "snapshot-merge";

    /// <summary>Sectors of what an overlay keeps at once: a page. Smaller than a disk's own block it cannot be, and larger would be more to copy.</summary>
    internal const int ChunkSectors = 8;

    internal const int SectorSize = 512;

    /// <summary>Targets that have no state of their own beside what their table says: two devices may have the same.</summary>
    private static readonly string[] s_stateless = ["linear", "striped", "crypt"];

    /// <summary>The kind of a table's only target; empty where it has several.</summary>
    internal static string KindOf(string table) => Lines(table) is [var only] ? only[2] : "";

    /// <summary>The table's length, in sectors.</summary>
    internal static long LengthOf(string table) => Lines(table).Sum(line => long.Parse(line[1], CultureInfo.InvariantCulture));

    /// <summary>What of a disk's table cannot stand in two devices at a time; null where nothing.</summary>
    internal static string? Immovable(string table) => Lines(table).Select(line => line[2]).FirstOrDefault(kind => !s_stateless.Contains(kind));

    /// <summary>The table of an overlay, or of one that goes back to what it lies over.</summary>
    /// <param name="kind"><see cref="Snapshot"/> or <see cref="Merge"/>.</param>
    /// <param name="under">The disk's own table.</param>
    /// <param name="lower">The device that has it.</param>
    /// <param name="store">Where what is written goes.</param>
    internal static string Over(string kind, string under, DeviceNumber lower, DeviceNumber store) => string.Create(
        CultureInfo.InvariantCulture, $"0 {LengthOf(under)} {kind} {lower} {store} P {ChunkSectors}");

    /// <summary>How much of its store an overlay has used.</summary>
    /// <param name="status">What its target says of itself.</param>
    /// <returns>Sectors used, with those of its own records, of which there are so many where nothing else is in it.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.VerificationFailed"/>: it is not valid any more.</exception>
    internal static (long Used, long Records) UsedOf(string status)
    {
        if (Lines(status) is [[_, _, Snapshot or Merge, var used, var records]]
            && long.TryParse(used.Split('/')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long sectors)
            && long.TryParse(records, NumberStyles.None, CultureInfo.InvariantCulture, out long own))
        {
            return (sectors, own);
        }

        throw new MigrationException(
            MigrationErrorId.VerificationFailed,
            $"The overlay of a disk is lost: device-mapper says '{status}' of it.",
            "`dmesg` says why: the store's file system was full, or a disk failed.");
    }

    private static string[][] Lines(string table) =>
    [
        .. table.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > 2),
    ];
}

using System.Buffers.Binary;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>The file of an empty overlay, in QEMU's format qcow2, version 3 (docs/interop/qcow2.txt of its sources): a header, its own
/// reference counts, and a table of tables that has nothing yet.</summary>
internal static class OverlayImage
{
    /// <summary>The smallest cluster: a page. Larger ones would be more to copy for a small write.</summary>
    internal const int SmallestCluster = 4096;

    /// <summary>The largest cluster.</summary>
    internal const int LargestCluster = 1 << 16;

    /// <summary>The largest disk.</summary>
    internal const long LargestDisk = (long)LargestTable / Entry * (LargestCluster / Entry) * LargestCluster;

    private const int Entry = sizeof(ulong);
    private const int HeaderLength = 104;
    private const int SectorSize = 512;

    /// <summary>The largest table of tables, which QEMU keeps in memory: clusters are so large that it is no larger.</summary>
    private const int LargestTable = 1 << 20;

    /// <summary>Bits of a reference count, as a power of two: sixteen.</summary>
    private const int CountOrder = 4;

    /// <summary>What stands in the file before anything is written.</summary>
    /// <param name="bytes">Bytes of the disk.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>: there are no disks of that size.</exception>
    internal static byte[] Make(long bytes)
    {
        if (bytes is <= 0 or > LargestDisk || bytes % SectorSize != 0)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                FormattableString.Invariant($"A disk of {bytes} bytes can have no overlay: {LargestDisk >> 40} TiB in whole sectors are the most."),
                "Use the mode Observe.");
        }

        int cluster = ClusterOf(bytes);
        long tables = TablesOf(bytes, cluster);
        int tableClusters = (int)(((tables * Entry) + cluster - 1) / cluster);
        byte[] file = new byte[(3 + tableClusters) * cluster];
        WriteHeader(file, bytes, cluster, (int)tables);

        // The second cluster says where the counts are; the third has those of all that is here.
        BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(cluster), 2 * (ulong)cluster);
        for (int used = 0; used < 3 + tableClusters; used++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan((2 * cluster) + (used * sizeof(ushort))), 1);
        }

        return file;
    }

    private static void WriteHeader(byte[] file, long bytes, int cluster, int tables)
    {
        Put(0, 0x514649FB);
        Put(4, 3);
        Put(20, System.Numerics.BitOperations.Log2((uint)cluster));
        BinaryPrimitives.WriteInt64BigEndian(file.AsSpan(24), bytes);
        Put(36, tables);
        BinaryPrimitives.WriteInt64BigEndian(file.AsSpan(40), 3L * cluster);
        BinaryPrimitives.WriteInt64BigEndian(file.AsSpan(48), cluster);
        Put(56, 1);
        Put(96, CountOrder);
        Put(100, HeaderLength);

        void Put(int at, int value) => BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(at), value);
    }

    private static int ClusterOf(long bytes)
    {
        int cluster = SmallestCluster;
        while (TablesOf(bytes, cluster) * Entry > LargestTable)
        {
            cluster *= 2;
        }

        return cluster;
    }

    /// <summary>How many tables there are to be, each a cluster of entries of a cluster.</summary>
    private static long TablesOf(long bytes, int cluster)
    {
        long covered = (long)(cluster / Entry) * cluster;
        return (bytes + covered - 1) / covered;
    }
}

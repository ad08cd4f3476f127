using System.Collections.Concurrent;

namespace PreRecordMigration.Simulated;

/// <summary>
/// The disk of a simulated domain: blocks that outlive its moves, because every host of this process reaches the same disk, as hosts do that share
/// their storage. It is there while one of its guest's copies is; a host of another process has a disk of its own, of which nothing is known.
/// </summary>
internal sealed class SimulatedDisk
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 4096;

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<Guid, SimulatedDisk> s_all = [];
    private readonly ConcurrentDictionary<long, long> _blocks = new();
    private readonly Guid _identity;
    private int _copies;

    private SimulatedDisk(Guid identity) => _identity = identity;

    /// <summary>Every block that was ever written, with its content.</summary>
    public IReadOnlyDictionary<long, long> Content => new Dictionary<long, long>(_blocks);

    /// <summary>Gives a copy of a guest its disk, wherever that copy is.</summary>
    /// <param name="identity">The guest's identity.</param>
    public static SimulatedDisk Attach(Guid identity)
    {
        lock (s_lock)
        {
            if (!s_all.TryGetValue(identity, out SimulatedDisk? disk))
            {
                s_all[identity] = disk = new SimulatedDisk(identity);
            }

            disk._copies++;
            return disk;
        }
    }

    /// <summary>A copy is gone.</summary>
    public void Detach()
    {
        lock (s_lock)
        {
            if (--_copies == 0)
            {
                s_all.Remove(_identity);
            }
        }
    }

    /// <summary>What stands in a block; null where nothing is known of it.</summary>
    public long? Read(long block) => _blocks.TryGetValue(block, out long content) ? content : null;

    /// <summary>Writes a block.</summary>
    public void Write(long block, long content) => _blocks[block] = content;
}

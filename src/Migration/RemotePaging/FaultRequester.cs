using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// The destination's side of remote faults: one thread waits for faults and asks for their pages, and the thread that reads the demand
/// connection hands the pages over to be placed.
/// </summary>
/// <param name="paging">RemotePF of the incoming domain.</param>
/// <param name="demand">The demand connection.</param>
/// <param name="populated">The pages the domain has.</param>
/// <param name="placer">Shared with the bulk receiver.</param>
/// <param name="faults">Where waits begin.</param>
public sealed class FaultRequester(
    IRemotePaging paging, Connection demand, PageBitmap populated, PagePlacer placer, FaultLog faults)
{
    /// <summary>Most faults that are asked for in one record.</summary>
    private const int BurstFaults = 64;

    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(250);
    private readonly PageBitmap _requested = new(populated.PageCount);
    private readonly PageBatch _batch = new();
    private readonly byte[] _record = new byte[Protocol.HeaderSize + sizeof(uint) + (BurstFaults * sizeof(uint))];

    /// <summary>Waits for faults and asks for their pages, each page once, until cancelled.</summary>
    /// <exception cref="MigrationException">The connection was lost, or the hypervisor failed.</exception>
    public void RequestPages(CancellationToken cancellationToken)
    {
        PageFault[] pending = new PageFault[BurstFaults];
        int[] asked = new int[BurstFaults];

        // After a resumption there are faults that wait already; what they asked for was lost with the connection.
        foreach (int[] waiting in faults.WaitingPages.Chunk(BurstFaults))
        {
            Ask(asked.AsSpan(0, Select(waiting, asked)));
        }

        while (!cancellationToken.IsCancellationRequested)
        {
            int count = WaitFaults(pending, cancellationToken);
            for (int i = 0; i < count; i++)
            {
                faults.Began(pending[i]);
                asked[i] = pending[i].Pfn;
            }

            Ask(asked.AsSpan(0, Select(asked.AsSpan(0, count), asked)));
        }
    }

    /// <summary>Places the demanded pages of a record.</summary>
    /// <param name="type">The record's type.</param>
    /// <param name="body">Its body.</param>
    /// <exception cref="MigrationException">What came is not legal, or the hypervisor failed.</exception>
    public void Take(RecordType type, ReadOnlySpan<byte> body)
    {
        _batch.Decode(type, body, populated, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
        placer.Place(pfns, pages);
    }

    /// <summary>Keeps those pages that have to be asked for, at the front and in order.</summary>
    private int Select(ReadOnlySpan<int> pfns, Span<int> selected)
    {
        int count = 0;
        foreach (int pfn in pfns)
        {
            if (!paging.Missing[pfn])
            {
                // The page was placed while its fault was on its way here, so the placing thread saw no wait to end: it is ended here.
                faults.Ended([pfn]);
            }
            else if (_requested.TrySet(pfn))
            {
                selected[count++] = pfn;
            }
        }

        return count;
    }

    private void Ask(ReadOnlySpan<int> pfns)
    {
        if (pfns.IsEmpty)
        {
            return;
        }

        int length = sizeof(uint) + (pfns.Length * sizeof(uint));
        RecordCodec.WriteHeader(_record, RecordType.PageRequest, length);
        BinaryPrimitives.WriteInt32LittleEndian(_record.AsSpan(Protocol.HeaderSize), pfns.Length);
        for (int i = 0; i < pfns.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_record.AsSpan(Protocol.HeaderSize + sizeof(uint) + (i * sizeof(uint))), pfns[i]);
        }

        demand.Send(_record.AsMemory(0, Protocol.HeaderSize + length));
    }

    private int WaitFaults(PageFault[] pending, CancellationToken cancellationToken)
    {
        try
        {
            return paging.WaitFault(pending, s_pollInterval, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }
}

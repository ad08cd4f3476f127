using System.Buffers.Binary;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.RemotePaging;

/// <summary>
/// The destination's side of remote faults: one thread waits for faults and asks for their pages, another receives what
/// was asked for and places it.
/// </summary>
/// <param name="paging">RemotePF of the incoming domain.</param>
/// <param name="demand">The demand connection.</param>
/// <param name="populated">The pages the domain has.</param>
/// <param name="placer">Shared with the bulk receiver.</param>
/// <param name="faults">Where waits begin.</param>
public sealed class FaultRequester(
    IRemotePaging paging, Connection demand, PageBitmap populated, PagePlacer placer, FaultLog faults)
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(250);
    private readonly PageBitmap _requested = new(populated.PageCount);

    /// <summary>Waits for faults and asks for their pages, each page once, until cancelled.</summary>
    /// <exception cref="MigrationException">The connection was lost, or the hypervisor failed.</exception>
    public void RequestPages(CancellationToken cancellationToken)
    {
        PageFault[] pending = new PageFault[64];
        byte[] record = new byte[Protocol.HeaderSize + sizeof(uint) + (pending.Length * sizeof(uint))];
        int[] one = new int[1];
        while (!cancellationToken.IsCancellationRequested)
        {
            int count = WaitFaults(pending, cancellationToken);
            int asked = 0;
            for (int i = 0; i < count; i++)
            {
                faults.Began(pending[i]);
                one[0] = pending[i].Pfn;
                if (!paging.Missing[one[0]])
                {
                    // Placed while the fault was on its way here, before Began could be seen: the wait is over already.
                    faults.Ended(one);
                }
                else if (_requested.TrySet(one[0]))
                {
                    BinaryPrimitives.WriteInt32LittleEndian(
                        record.AsSpan(Protocol.HeaderSize + sizeof(uint) + (asked++ * sizeof(uint))), one[0]);
                }
            }

            if (asked > 0)
            {
                int length = sizeof(uint) + (asked * sizeof(uint));
                RecordCodec.WriteHeader(record, RecordType.PageRequest, length);
                BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Protocol.HeaderSize), asked);
                demand.Send(record.AsMemory(0, Protocol.HeaderSize + length));
            }
        }
    }

    /// <summary>Receives and places demanded pages until the connection ends.</summary>
    /// <param name="onPlaced">Called after each batch.</param>
    /// <exception cref="MigrationException">The connection was lost, or what came is not legal.</exception>
    public void ReceivePages(Action onPlaced)
    {
        PageBatch batch = new();
        while (true)
        {
            RecordType type = demand.Receive(out ReadOnlySpan<byte> body);
            if (type != RecordType.DemandPages)
            {
                throw ProtocolErrors.Violation($"The source sent {type} on the demand connection.");
            }

            batch.Decode(type, body, populated, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
            placer.Place(pfns, pages);
            onPlaced();
        }
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

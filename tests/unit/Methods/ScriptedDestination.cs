using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>
/// A destination that only follows the protocol: it notes what comes, in order, never asks for a page, and says at the
/// end that seven faults had waited.
/// </summary>
internal sealed class ScriptedDestination : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ScriptedDestination()
    {
        _listener.Start();
        Received = Task.Run(Serve);
    }

    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>The pfns of the core pages and of the pushed pages, each in the order in which they came.</summary>
    public Task<(int[] Core, int[] Pushed)> Received { get; }

    public CoreStateRecord? Core { get; private set; }

    /// <summary>The pages that were to follow the run, where the source has named any; null where it was none that came in both ways.</summary>
    public PageBitmap? Rest { get; private set; }

    /// <summary>What it says that it can.</summary>
    public ulong Capabilities { get; set; } = Protocol.Capabilities;

    /// <summary>The types of the records of pages that came on the bulk connection.</summary>
    public HashSet<RecordType> PageRecords { get; } = [];

    /// <summary>What it does once the source has let go and before it tells the domain's name; null for nothing.</summary>
    public Action<Connection>? AtRelease { get; init; }

    /// <summary>What it says that the handover took; null for nothing, as an older one.</summary>
    public HandoverTimesRecord? Times { get; init; }

    /// <summary>What it says that it has seen of the domain; null for nothing, as an older one.</summary>
    public ObservationsRecord? Observations { get; init; }

    public void Dispose() => _listener.Dispose();

    private Connection Accept() => new(LoopbackProof.Accept(_listener.AcceptSocket(), LoopbackKey.OfThisUser()).Channel!);

    private (int[] Core, int[] Pushed) Serve()
    {
        using Connection bulk = Accept();
        using Connection demand = Accept();
        List<int> core = [];
        List<int> pushed = [];
        PageBatch batch = new();
        PageBitmap populated = new(0);
        bulk.Send(new WelcomeRecord(Protocol.Version, Capabilities));
        demand.Send(new WelcomeRecord(Protocol.Version, Capabilities));
        while (true)
        {
            RecordType type = bulk.Receive(out ReadOnlySpan<byte> body);
            if (type is RecordType.CorePages or RecordType.Pages or RecordType.CompressedPages)
            {
                PageRecords.Add(type);
                batch.Decode(type, body, populated, out ReadOnlySpan<int> pfns, out _);
                (type == RecordType.CorePages ? core : pushed).AddRange(pfns);
                continue;
            }

            if (type == RecordType.Rest)
            {
                RestPages.Decode(body, populated, Rest!);
                continue;
            }

            switch (RecordCodec.Decode(type, body))
            {
                case PrepareRecord prepare:
                    populated = new PageBitmap(prepare.Description.PageCount);
                    foreach (PageRange range in prepare.Description.Populated)
                    {
                        populated.SetRange(range.First, range.Count);
                    }

                    Rest = prepare.Arrival == PageArrival.Both ? new PageBitmap(populated.PageCount) : null;
                    bulk.Send(new PreparedRecord());
                    break;
                case CoreStateRecord state:
                    Core = state;
                    bulk.Send(new RestoredRecord());
                    break;
                case CommitRecord:
                    bulk.Send(new RunningRecord());
                    if (Times is not null)
                    {
                        bulk.Send(Times);
                    }

                    break;
                case PushCompleteRecord:
                    bulk.Send(new CompleteRecord(7, FaultLatency.None, 0));
                    if (Observations is not null)
                    {
                        bulk.Send(Observations);
                    }

                    break;
                case ReleasedRecord:
                    AtRelease?.Invoke(demand);
                    bulk.Send(new SettledRecord("web01", null));
                    return ([.. core], [.. pushed]);
            }
        }
    }
}

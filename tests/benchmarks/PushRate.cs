using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Jobs;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// How fast pages are pushed over loopback, without TLS and with it, against a plain copy of as many bytes through a socket: the
/// ratios are what the protocol, the sent-page table and the placing cost, and what encryption adds.
/// </summary>
[SimpleJob(RuntimeMoniker.HostProcess, launchCount: 1, warmupCount: 2, iterationCount: 8, invocationCount: 1)]
public class PushRate
{
    private const int PageCount = 65_536;
    private readonly byte[] _source = new byte[(long)PageCount * Page.Size];
    private readonly byte[] _target = new byte[(long)PageCount * Page.Size];
    private readonly PageBitmap _populated = new(PageCount);
    private readonly int[] _order = new int[PageCount];
    private Socket _sender = null!;
    private Socket _receiver = null!;
    private TlsIdentity _identity = null!;
    private PeerChannel _tlsSender = null!;
    private PeerChannel _tlsReceiver = null!;

    [GlobalSetup]
    public void Fill()
    {
        new Random(1).NextBytes(_source);
        _populated.SetAll();
        for (int pfn = 0; pfn < PageCount; pfn++)
        {
            _order[pfn] = pfn;
        }

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 certificate = new CertificateRequest("CN=benchmark", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        _identity = new TlsIdentity(certificate, new CertificateTrust([certificate], []));
    }

    [IterationSetup(Targets = [nameof(PlainSocket), nameof(Push)])]
    public void Connect()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        _sender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sender.Connect(listener.LocalEndpoint);
        _receiver = listener.AcceptSocket();
    }

    /// <summary>The handshake is not measured: a migration has two.</summary>
    [IterationSetup(Target = nameof(PushTls))]
    public void ConnectTls()
    {
        Connect();
        Task<PeerChannel> accepting = Task.Run(() => TlsHandshake.Accept(_receiver, _identity, TimeProvider.System).Channel!);
        _tlsSender = TlsHandshake.Connect(_sender, _identity, "loopback", TimeProvider.System, CancellationToken.None);
        _tlsReceiver = accepting.GetAwaiter().GetResult();
    }

    [IterationCleanup]
    public void Disconnect()
    {
        _sender.Dispose();
        _receiver.Dispose();
    }

    [Benchmark(Baseline = true, Description = "plain socket copy, 256 MiB")]
    public void PlainSocket()
    {
        Thread receiver = new(() =>
        {
            for (int offset = 0; offset < _target.Length;)
            {
                offset += _receiver.Receive(_target, offset, Math.Min(256 << 10, _target.Length - offset), SocketFlags.None);
            }
        });
        receiver.Start();
        for (int offset = 0; offset < _source.Length; offset += 256 << 10)
        {
            _sender.Send(_source, offset, 256 << 10, SocketFlags.None);
        }

        receiver.Join();
    }

    [Benchmark(Description = "bulk push, 65,536 pages")]
    public void Push()
    {
        using Connection from = Connection.Accept(_sender);
        using Connection to = Connection.Accept(_receiver);
        Push(from, to);
    }

    [Benchmark(Description = "bulk push over TLS 1.3, 65,536 pages")]
    public void PushTls()
    {
        using Connection from = new(_tlsSender);
        using Connection to = new(_tlsReceiver);
        Push(from, to);
    }

    private void Push(Connection from, Connection to)
    {
        SentPageTable placed = new(_populated);
        ArrayMemory target = new(_target);
        Thread receiver = new(() =>
        {
            PageBatch batch = new();
            while (placed.Remaining > 0)
            {
                RecordType type = to.Receive(out ReadOnlySpan<byte> body);
                batch.Decode(type, body, _populated, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
                target.Write(pfns, pages);
                foreach (int pfn in pfns)
                {
                    placed.TryClaim(pfn);
                }
            }
        });
        receiver.Start();
        using DemandGate gate = new();
        using PagePusher pusher = new(
            from, new ArrayMemory(_source), new SentPageTable(_populated), new BandwidthLimiter(null, TimeProvider.System), gate);
        pusher.Feed(_order);
        pusher.CompleteFeed();
        pusher.Run(CancellationToken.None);
        receiver.Join();
    }

    private sealed class ArrayMemory(byte[] bytes) : IGuestMemory
    {
        public int PageCount => PushRate.PageCount;

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                Page.At(bytes.AsSpan(), pfns[i]).CopyTo(Page.At(pages, i));
            }
        }

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                Page.At(pages, i).CopyTo(Page.At(bytes.AsSpan(), pfns[i]));
            }
        }
    }
}

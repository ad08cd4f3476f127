using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Benchmarks;

/// <summary>The two ends of a connection over loopback, as a migration opens them.</summary>
internal sealed class LoopbackPair : IDisposable
{
    private static readonly TlsIdentity s_identity = MakeIdentity();

    /// <summary>Connects; the handshake is made here.</summary>
    /// <param name="overTls">Whether by TLS 1.3 with certificates on both sides.</param>
    public LoopbackPair(bool overTls)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Socket sender = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sender.Connect(listener.LocalEndpoint);
        Socket receiver = listener.AcceptSocket();
        if (overTls)
        {
            Task<PeerChannel> accepting = Task.Run(() => TlsHandshake.Accept(receiver, s_identity, TimeProvider.System).Channel!);
            Sender = TlsHandshake.Connect(sender, s_identity, "loopback", TimeProvider.System, CancellationToken.None);
            Receiver = accepting.GetAwaiter().GetResult();
        }
        else
        {
            Sender = new SocketChannel(sender);
            Receiver = new SocketChannel(receiver);
        }
    }

    /// <summary>The source's end.</summary>
    public PeerChannel Sender { get; }

    /// <summary>The destination's end.</summary>
    public PeerChannel Receiver { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Sender.Dispose();
        Receiver.Dispose();
    }

    private static TlsIdentity MakeIdentity()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 certificate = new CertificateRequest("CN=benchmark", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        return new TlsIdentity(certificate, new CertificateTrust([certificate], []));
    }
}

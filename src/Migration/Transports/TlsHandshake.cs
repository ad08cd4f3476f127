using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transports;

/// <summary>
/// One TLS 1.3 handshake with certificates on both sides, and what is to be said where it fails. It takes over a socket. It has no time
/// limit of its own: closing the socket ends it.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The channel that comes out of it takes the streams over, or they are closed on the way out.")]
internal sealed class TlsHandshake
{
    /// <summary>What a TLS connection begins with.</summary>
    internal const byte HandshakeContent = 0x16;

    private const byte AlertContent = 0x15;
    private const byte HelloRecord = 0x01;
    private const byte ProtocolVersionAlert = 70;
    private const int AlertCodeOffset = 6;
    private readonly Socket _socket;
    private readonly TlsIdentity _identity;
    private readonly PeerRole _role;
    private readonly TimeProvider _clock;
    private readonly FirstBytesStream _bytes;
    private readonly SslStream _stream;
    private MigrationException? _refusal;
    private string? _peer;

    private TlsHandshake(Socket socket, TlsIdentity identity, PeerRole role, TimeProvider clock)
    {
        _socket = socket;
        _identity = identity;
        _role = role;
        _clock = clock;
        _bytes = new FirstBytesStream(SocketChannel.Open(socket));
        _stream = new SslStream(_bytes);
    }

    /// <summary>Makes the handshake at the connecting side.</summary>
    /// <param name="socket">A connected socket; closed where this throws.</param>
    /// <param name="identity">This side.</param>
    /// <param name="address">The destination, for messages.</param>
    /// <param name="clock">Tells whether certificates are valid.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotTrusted"/>,
    /// <see cref="MigrationErrorId.TransportMismatch"/> or <see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    public static SocketChannel Connect(
        Socket socket, TlsIdentity identity, string address, TimeProvider clock, CancellationToken cancellationToken)
    {
        TlsHandshake handshake = new(socket, identity, PeerRole.Destination, clock);
        try
        {
            using (cancellationToken.UnsafeRegister(static closed => ((Socket)closed!).Dispose(), socket))
            {
                handshake._stream.AuthenticateAsClient(handshake.ClientOptions());
            }

            cancellationToken.ThrowIfCancellationRequested();
            return handshake.Channel();
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested)
        {
            // The handshake was broken off from outside, which may show in it as any exception.
            handshake._stream.Dispose();
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (Exception e) when (IsFailure(e))
        {
            handshake._stream.Dispose();
            throw handshake._refusal ?? handshake.ExplainDestination(address, e);
        }
        catch
        {
            handshake._stream.Dispose();
            throw;
        }
    }

    /// <summary>Makes the handshake at the listening side. It is finished even with a peer that is not trusted, so that the peer can be
    /// told why it is turned away.</summary>
    /// <returns>The channel, and why the peer is to be turned away; no channel where the peer could not understand it.</returns>
    public static (PeerChannel? Channel, MigrationException? Refusal) Accept(Socket socket, TlsIdentity identity, TimeProvider clock)
    {
        TlsHandshake handshake = new(socket, identity, PeerRole.Source, clock);
        try
        {
            handshake._stream.AuthenticateAsServer(handshake.ServerOptions());
            return (handshake.Channel(), handshake._refusal);
        }
        catch (Exception e) when (IsFailure(e))
        {
            return handshake.Refuse(e);
        }
    }

    /// <summary>
    /// A source that hung up at the end of the handshake. In TLS 1.3 it has seen the certificate before, and this side hears of its verdict at best
    /// by an alert afterwards.
    /// </summary>
    internal static MigrationException HungUp(TlsIdentity identity, Exception error) => new(
        MigrationErrorId.NotTrusted,
        $"The source hung up before it said what it wants, as one does that does not trust this receiver's certificate, {CertificateTrust.Describe(identity.Certificate)}.",
        "See what the source says. Where it does not trust that certificate, trust it there, its authority's or its thumbprint: Connect-MigrationHost with -TrustedCertificate.",
        null,
        error);

    private SocketChannel Channel() => new(_socket, _stream, _peer);

    private SslClientAuthenticationOptions ClientOptions() => new()
    {
        // No host name is sent: the list says whom to trust, and a name in clear text would only tell the network.
        TargetHost = "",
        EnabledSslProtocols = SslProtocols.Tls13,
        EncryptionPolicy = EncryptionPolicy.RequireEncryption,
        ClientCertificateContext = _identity.Context,
        CertificateChainPolicy = NoNetwork(),
        RemoteCertificateValidationCallback = (_, certificate, chain, _) => Judge(certificate, chain) is null,
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    private SslServerAuthenticationOptions ServerOptions() => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        EncryptionPolicy = EncryptionPolicy.RequireEncryption,
        ServerCertificateContext = _identity.Context,
        ClientCertificateRequired = true,
        CertificateChainPolicy = NoNetwork(),

        // The callback lets the handshake end and keeps the verdict. The receiver tells it to the peer, and takes nothing from a peer that
        // is not trusted.
#pragma warning disable CA5359
        RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            _refusal = Judge(certificate, chain);
            return true;
        },
#pragma warning restore CA5359
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    private MigrationException? Judge(X509Certificate? certificate, X509Chain? chain)
    {
        // The stream owns certificate and chain, so neither is kept.
        X509Certificate2? peer = certificate as X509Certificate2;
        _peer = peer is null ? null : CertificateTrust.Thumbprint(peer);
        _refusal = _identity.Trust.Judge(peer, chain?.ChainPolicy.ExtraStore ?? [], _role, _clock.GetUtcNow());
        return _refusal;
    }

    private (PeerChannel? Channel, MigrationException Refusal) Refuse(Exception e)
    {
        MigrationException refusal = _refusal ?? ExplainSource(e);
        ReadOnlySpan<byte> first = _bytes.FirstReceived;
        if (!first.IsEmpty && first[0] == HelloRecord)
        {
            // The peer speaks the protocol without TLS, so it understands a plain refusal.
            return (new SocketChannel(_socket, _bytes, null), refusal);
        }

        if (LoopbackProof.IsGreeting(first))
        {
            LoopbackProof.SayNeedsTls(_bytes);
        }

        _stream.Dispose();
        return (null, refusal);
    }

    private MigrationException ExplainSource(Exception e)
    {
        ReadOnlySpan<byte> first = _bytes.FirstReceived;
        if (IsVersionAlert(_bytes.FirstSent))
        {
            return new MigrationException(
                MigrationErrorId.TransportMismatch,
                "The source does not speak TLS 1.3.",
                "Use this module there as well; older versions of TLS are not spoken.",
                null,
                e);
        }

        if (IsCertificateAlert(Innermost(e)))
        {
            return HungUp(_identity, e);
        }

        return first.IsEmpty || first[0] is HandshakeContent or AlertContent
            ? new MigrationException(
                MigrationErrorId.NotTrusted,
                $"The source ended the TLS handshake before it had proved who it is: {Innermost(e)}.",
                "See what the source says; where nobody has started one, a stranger has looked at the port.",
                null,
                e)
            : new MigrationException(
                MigrationErrorId.TransportMismatch,
                "The source does not speak TLS, and this receiver takes nothing else.",
                "Connect with a certificate: Connect-MigrationHost with -Address, -Certificate and -TrustedCertificate.",
                null,
                e);
    }

    private MigrationException ExplainDestination(string address, Exception e)
    {
        ReadOnlySpan<byte> first = _bytes.FirstReceived;
        if (first.IsEmpty)
        {
            return new MigrationException(
                MigrationErrorId.ConnectionLost,
                $"{address} hung up during the TLS handshake: {Innermost(e)}.",
                "Check that a receiver with -Certificate listens there, and whether it is overloaded.",
                address,
                e);
        }

        if (first[0] is not (HandshakeContent or AlertContent))
        {
            return new MigrationException(
                MigrationErrorId.TransportMismatch,
                $"{address} does not speak TLS.",
                "Check the port; where it is a receiver, start it with -Certificate and -TrustedCertificate.",
                address,
                e);
        }

        return IsVersionAlert(first)
            ? new MigrationException(
                MigrationErrorId.TransportMismatch,
                $"{address} does not speak TLS 1.3.",
                "Check the port: a migration receiver speaks TLS 1.3 and nothing older.",
                address,
                e)
            : new MigrationException(
                MigrationErrorId.ConnectionLost,
                $"The TLS handshake with {address} failed: {Innermost(e)}.",
                "Get-MigrationReceiver there shows why it turned connections away.",
                address,
                e);
    }

    /// <summary>Whether bytes are the alert that says that no version of TLS is common to both sides; it is not encrypted.</summary>
    private static bool IsVersionAlert(ReadOnlySpan<byte> first) =>
        first.Length > AlertCodeOffset && first[0] == AlertContent && first[AlertCodeOffset] == ProtocolVersionAlert;

    /// <summary>
    /// Whether the peer's last word was that it does not take this side's certificate. In TLS 1.3 it is encrypted, so the library alone has
    /// read it; it names the alert, and those about certificates have one of these words.
    /// </summary>
    private static bool IsCertificateAlert(string error) =>
        error.Contains("alert", StringComparison.OrdinalIgnoreCase)
        && (error.Contains("certificate", StringComparison.OrdinalIgnoreCase) || error.Contains("unknown ca", StringComparison.OrdinalIgnoreCase));

    private static X509ChainPolicy NoNetwork() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    private static bool IsFailure(Exception e) => e is AuthenticationException or IOException or SocketException
        or ObjectDisposedException or CryptographicException or Win32Exception or InvalidOperationException;

    private static string Innermost(Exception e)
    {
        Exception inner = e;
        while (inner.InnerException is not null)
        {
            inner = inner.InnerException;
        }

        return inner.Message.TrimEnd('.');
    }
}

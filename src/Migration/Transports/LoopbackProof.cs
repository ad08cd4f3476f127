using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transports;

/// <summary>
/// What both ends of a connection over loopback say before anything else, so that each knows that the other has the same
/// <see cref="LoopbackKey"/>: no other user of the machine, whoever was faster to listen or to connect (docs/protocol.md).
/// </summary>
/// <remarks>
/// Each side answers for both sides' random numbers, so an answer is of use in this connection alone. Somebody who only passed on what the
/// two say would still hear all that follows: the receiver therefore takes connections from processes of its own user and of root alone
/// (<see cref="LoopbackPeer"/>), as an ssh's server is for that user.
/// </remarks>
internal sealed class LoopbackProof
{
    private const byte Version = 1;
    private const int NonceLength = 32;

    /// <summary>The role in which a receiver says that it takes the connection. With a code of its own nobody between the two can say
    /// so.</summary>
    private const string Acceptance = "accepted";

    private const int CodeLength = HMACSHA256.HashSizeInBytes;
    private static readonly byte[] s_magic = "PRLP"u8.ToArray();
    private static readonly int s_greetingLength = s_magic.Length + 1 + NonceLength;
    private readonly byte[] _nonces = new byte[2 * NonceLength];
    private readonly LoopbackKey _key;

    private LoopbackProof(LoopbackKey key) => _key = key;

    /// <summary>What a receiver answers.</summary>
    private enum Answer : byte
    {
        /// <summary>As the answer to the greeting: the receiver's own number and code follow. As the answer to the code: the records may
        /// begin.</summary>
        Accepted = 0,

        /// <summary>The receiver speaks TLS and nothing else.</summary>
        NeedsTls = 1,

        /// <summary>The receiver does not know this version of the proof.</summary>
        OtherVersion = 2,

        /// <summary>The code is not the one that the key makes.</summary>
        NotProved = 3,
    }

    /// <summary>Whether bytes are the beginning of a source's greeting.</summary>
    internal static bool IsGreeting(ReadOnlySpan<byte> first) => first.StartsWith(s_magic);

    /// <summary>Makes the proof at the source's side.</summary>
    /// <param name="channel">Just opened; closed where this throws.</param>
    /// <param name="key">The key that the receiver's side must have.</param>
    /// <param name="address">The destination, for messages.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotTrusted"/>, <see cref="MigrationErrorId.TransportMismatch"/>,
    /// <see cref="MigrationErrorId.ProtocolVersion"/> or <see cref="MigrationErrorId.ConnectionLost"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    internal static void Connect(PeerChannel channel, LoopbackKey key, string address, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration end = cancellationToken.UnsafeRegister(static open => ((PeerChannel)open!).Dispose(), channel);
        try
        {
            new LoopbackProof(key).Connect(channel.Stream, address);
        }
        catch (Exception error)
        {
            channel.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw error is IOException or ObjectDisposedException ? ProtocolErrors.Lost(error) : error;
        }
    }

    /// <summary>Makes the proof at the receiver's side. Blocks as long as the peer takes; closing the socket ends it.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="key">The receiver's key.</param>
    /// <param name="isStranger">Whether it comes from another user, who is only told that he may not.</param>
    /// <returns>The channel, and why the peer is to be turned away; no channel where it knows that already, or cannot understand it.</returns>
    internal static (PeerChannel? Channel, MigrationException? Refusal) Accept(Socket socket, LoopbackKey key, bool isStranger = false)
    {
        SocketChannel channel = new(socket);
        Span<byte> greeting = stackalloc byte[s_greetingLength];
        channel.Stream.ReadExactly(greeting[..s_magic.Length]);
        if (!IsGreeting(greeting))
        {
            // Whatever the peer speaks, it can understand nothing but a plain refusal.
            return (channel, greeting[0] == TlsHandshake.HandshakeContent ? ProtocolErrors.Tls() : NoProof());
        }

        channel.Stream.ReadExactly(greeting[s_magic.Length..]);
        if (greeting[s_magic.Length] is not Version and var theirs)
        {
            Say(channel.Stream, Answer.OtherVersion);
            return (null, ProtocolErrors.Version(theirs, Version));
        }

        // Another user gets no code of this side's, which he could show to a source as his own.
        LoopbackProof proof = new(key);
        greeting[^NonceLength..].CopyTo(proof._nonces);
        if (!isStranger && proof.IsProvedTo(channel.Stream))
        {
            channel.Stream.Write([(byte)Answer.Accepted, .. proof.Code(Acceptance)]);
            return (channel, null);
        }

        Say(channel.Stream, Answer.NotProved);
        return (null, NoProof());
    }

    /// <summary>Tells a source that proves its place on loopback that a receiver speaks TLS.</summary>
    internal static void SayNeedsTls(Stream stream)
    {
        try
        {
            Say(stream, Answer.NeedsTls);
        }
        catch (IOException)
        {
            // The source has gone; the receiver keeps why it was turned away.
        }
    }

    private static MigrationException NoProof() => new(
        MigrationErrorId.NotTrusted,
        "The source did not prove that it is a process of the user whom this receiver belongs to.",
        "Run both sides as the same user (on Xen, root); from another machine, use Connect-MigrationHost with -SshTarget or with certificates.");

    private static void Say(Stream stream, Answer answer) => stream.Write([(byte)answer]);

    private void Connect(Stream stream, string address)
    {
        Span<byte> ours = _nonces.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(ours);
        stream.Write([.. s_magic, Version, .. ours]);
        RequireAccepted(stream, address);
        stream.ReadExactly(_nonces.AsSpan(NonceLength));
        RequireCode(stream, PeerRole.Destination.Name, address);
        stream.Write(Code(PeerRole.Source.Name));
        RequireAccepted(stream, address);
        RequireCode(stream, Acceptance, address);
    }

    private void RequireCode(Stream stream, string role, string address)
    {
        Span<byte> code = stackalloc byte[CodeLength];
        stream.ReadExactly(code);
        if (!CryptographicOperations.FixedTimeEquals(code, Code(role)))
        {
            throw NotTheirs(address);
        }
    }

    private bool IsProvedTo(Stream stream)
    {
        Span<byte> ours = _nonces.AsSpan(NonceLength);
        RandomNumberGenerator.Fill(ours);
        stream.Write([(byte)Answer.Accepted, .. ours, .. Code(PeerRole.Destination.Name)]);
        Span<byte> code = stackalloc byte[CodeLength];
        stream.ReadExactly(code);
        return CryptographicOperations.FixedTimeEquals(code, Code(PeerRole.Source.Name));
    }

    /// <summary>The code with which a side answers. Its role is part of the code, so that nobody's own answer can be sent back to him as
    /// the other side's.</summary>
    private byte[] Code(string role) => _key.Sign([.. s_magic, Version, .. Encoding.ASCII.GetBytes(role), .. _nonces]);

    private static void RequireAccepted(Stream stream, string address)
    {
        Span<byte> answer = stackalloc byte[1];
        stream.ReadExactly(answer);
        switch ((Answer)answer[0])
        {
            case Answer.Accepted:
                return;
            case Answer.NeedsTls:
                throw new MigrationException(
                    MigrationErrorId.TransportMismatch,
                    $"{address} takes nothing but TLS, and this side does not speak TLS there.",
                    "Name it with certificates: Connect-MigrationHost with -Address, -Certificate and -TrustedCertificate.",
                    address);
            case Answer.OtherVersion:
                throw new MigrationException(
                    MigrationErrorId.ProtocolVersion,
                    $"{address} does not know this version of the proof of who one is.",
                    "Install the same version of the module on both hosts.",
                    address);
            case Answer.NotProved:
                throw NotTheirs(address);
            default:
                throw ProtocolErrors.Violation($"{address} did not answer as a migration receiver does.");
        }
    }

    private static MigrationException NotTheirs(string address) => new(
        MigrationErrorId.NotTrusted,
        $"What listens at {address} did not prove that it is a receiver of this user: it may be another user's program that was there first.",
        "Start the receiver as the same user (on Xen, root), and see who listens there: ss -ltnp. To another machine, use Connect-MigrationHost with -SshTarget or with certificates: a tunnel's other end has another key.",
        address);
}

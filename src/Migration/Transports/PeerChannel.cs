namespace PreRecordMigration.Transports;

/// <summary>A byte stream to a peer, and what it takes to end it: what lies below a connection.</summary>
public abstract class PeerChannel : IDisposable
{
    /// <summary>The bytes, both ways.</summary>
    public abstract Stream Stream { get; }

    /// <summary>
    /// Who is at the other end: the SHA-256 thumbprint of the certificate whose key the peer has proved to hold. Null
    /// where the transport proves nothing itself: on loopback, and through ssh.
    /// </summary>
    public virtual string? Peer => null;

    /// <summary>Tells the peer that nothing more comes; what it still sends can be read.</summary>
    /// <exception cref="IOException">The peer was faster.</exception>
    public abstract void EndSending();

    /// <summary>Ends the channel at once; calls that are blocked on it end.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends what the channel is made of.</summary>
    protected abstract void Dispose(bool disposing);
}

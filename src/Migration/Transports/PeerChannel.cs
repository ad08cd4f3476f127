namespace PreRecordMigration.Transports;

/// <summary>What lies below a connection: a byte stream to a peer, and what it takes to end it.</summary>
public abstract class PeerChannel : IDisposable
{
    /// <summary>The bytes, both ways.</summary>
    public abstract Stream Stream { get; }

    /// <summary>
    /// Who is at the other end: the SHA-256 thumbprint of the certificate whose key the peer has proved to hold. Null
    /// where the transport proves nothing itself: on loopback, and through ssh.
    /// </summary>
    public virtual string? Peer => null;

    /// <summary>Which host is at the other end; null where that is this one, or where it is not known.</summary>
    public virtual string? Address => null;

    /// <summary>Whether some bytes can be written now without waiting for the peer; null where that is not known.</summary>
    public virtual bool? TakesBytes => null;

    /// <summary>Tells the peer that nothing more comes; what it still sends can be read.</summary>
    /// <exception cref="IOException">The peer has closed the channel already.</exception>
    public abstract void EndSending();

    /// <summary>
    /// Ends the channel within seconds, from any thread; calls that are blocked on it end. It never throws: a channel is ended
    /// where a domain must be looked after next, and where ending it fails there is nothing else to do with it.
    /// </summary>
    public void Dispose()
    {
        try
        {
            Dispose(disposing: true);
        }
#pragma warning disable CA1031 // As said above. What is left of the channel leads nowhere: the connection over it is closed.
        catch (Exception)
#pragma warning restore CA1031
        {
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Ends what the channel is made of.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>A channel over a stream that leads to nobody in particular.</summary>
internal sealed class StreamChannel(Stream stream) : PeerChannel
{
    /// <inheritdoc/>
    public override Stream Stream => stream;

    /// <inheritdoc/>
    public override void EndSending()
    {
        // Such a stream has no sending half that could be closed by itself.
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => stream.Dispose();
}

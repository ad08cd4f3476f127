using System.Net.Sockets;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>What is known of a connection that does not belong to a migration yet.</summary>
internal enum ArrivalStanding
{
    /// <summary>It comes from another user of this machine.</summary>
    Stranger,

    /// <summary>It has not proved who it is, or has not said what it wants.</summary>
    Unproved,

    /// <summary>It has proved who it is, and has greeted.</summary>
    Greeted,
}

/// <summary>A connection that has come and does not belong to a migration yet.</summary>
/// <param name="socket">Closing it ends whatever is done with the connection.</param>
/// <param name="standing">What is known of it.</param>
/// <param name="origin">Where it comes from: its address, and once it has greeted, who it is.</param>
internal sealed class Arrival(Socket socket, ArrivalStanding standing, string origin) : IDisposable
{
    private volatile string? _endedBecause;
    private volatile Connection? _connection;

    /// <summary>The socket.</summary>
    public Socket Socket => socket;

    /// <summary>Whether it comes from another user of this machine.</summary>
    public bool IsStranger { get; } = standing == ArrivalStanding.Stranger;

    /// <summary>The connection, once the peer has greeted; null before.</summary>
    public Connection? Connection
    {
        get => _connection;
        internal set => _connection = value;
    }

    /// <summary>Why this side ended it; null where this side did not.</summary>
    public string? EndedBecause => _endedBecause;

    /// <summary>What is known of it.</summary>
    internal ArrivalStanding Standing { get; set; } = standing;

    /// <summary>Where it comes from.</summary>
    internal string Origin { get; set; } = origin;

    /// <summary>Ends it when its time is over; null before that is known.</summary>
    internal ITimer? Deadline { get; set; }

    /// <summary>Notes that it is about to be ended, so that nobody begins anything with it any more.</summary>
    public void Condemn(string reason) => _endedBecause ??= reason;

    /// <summary>Ends it: whoever waits for the peer gets an error.</summary>
    public void End()
    {
        Dispose();
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer had closed the connection already.
        }

        socket.Dispose();
    }

    /// <summary>Lets go of the deadline; the socket stays as it is.</summary>
    public void Dispose() => Deadline?.Dispose();
}

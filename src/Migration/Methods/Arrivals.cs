using System.Net.Sockets;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>A connection that has come and does not belong to a migration yet.</summary>
/// <param name="socket">Closing it ends whatever is done with the connection.</param>
internal sealed class Arrival(Socket socket) : IDisposable
{
    private volatile string? _endedBecause;
    private volatile Connection? _connection;

    /// <summary>The socket.</summary>
    public Socket Socket => socket;

    /// <summary>The connection, once the peer has greeted; null before.</summary>
    public Connection? Connection
    {
        get => _connection;
        set => _connection = value;
    }

    /// <summary>Why it was ended from here; null where it was not.</summary>
    public string? EndedBecause => _endedBecause;

    /// <summary>Ends it when its time is over; null before that is known.</summary>
    internal ITimer? Deadline { private get; set; }

    /// <summary>Ends it: whoever waits for the peer gets an error.</summary>
    public void End(string reason)
    {
        _endedBecause ??= reason;
        Dispose();
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was faster.
        }

        socket.Dispose();
    }

    /// <summary>Lets go of the deadline; the socket stays as it is.</summary>
    public void Dispose() => Deadline?.Dispose();
}

/// <summary>
/// The connections that have come and do not belong to a migration yet: so many at most, and each for so long at most,
/// whatever the peers do. Where one more comes than may be here, the one that has been here longest makes room: an honest
/// peer needs milliseconds, so that one is the likeliest to want nothing but the place.
/// </summary>
/// <param name="clock">Measures the time.</param>
/// <param name="onEnded">Told of each that was ended from here; on any thread.</param>
internal sealed class Arrivals(TimeProvider clock, Action<Arrival> onEnded)
{
    /// <summary>How many there may be that have not said who they are.</summary>
    public const int Maximum = 64;

    /// <summary>How long one may take from being accepted until its migration begins.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly List<Arrival> _all = [];
    private bool _isClosed;

    /// <summary>How many are here; the time of each of them runs.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _all.Count;
            }
        }
    }

    /// <summary>Takes a connection in.</summary>
    /// <returns>Null where none is taken in any more; the socket is closed then.</returns>
    public Arrival? Add(Socket socket)
    {
        Arrival arrival = new(socket);
        Arrival? oldest = null;
        lock (_gate)
        {
            if (_isClosed)
            {
                socket.Dispose();
                return null;
            }

            if (_all.Count(other => other.Connection is null) >= Maximum)
            {
                oldest = _all.Find(other => other.Connection is null);
            }

            _all.Add(arrival);
            arrival.Deadline = clock.CreateTimer(
                _ => End(arrival, $"The connection did not become a migration within {Patience.TotalSeconds:F0} s."),
                null,
                Patience,
                Timeout.InfiniteTimeSpan);
        }

        if (oldest is not null)
        {
            End(oldest, $"The connection had not said who it is when {Maximum} more had come.");
        }

        return arrival;
    }

    /// <summary>Takes a connection out: it belongs to a migration now, or has gone.</summary>
    public void Remove(Arrival arrival)
    {
        arrival.Dispose();
        lock (_gate)
        {
            _all.Remove(arrival);
        }
    }

    /// <summary>Takes a connection out that has greeted.</summary>
    public void Remove(Connection connection)
    {
        Arrival? arrival;
        lock (_gate)
        {
            arrival = _all.Find(other => ReferenceEquals(other.Connection, connection));
        }

        if (arrival is not null)
        {
            Remove(arrival);
        }
    }

    /// <summary>Ends all that are here, and takes none in any more.</summary>
    public void Close()
    {
        Arrival[] all;
        lock (_gate)
        {
            _isClosed = true;
            all = [.. _all];
        }

        foreach (Arrival arrival in all)
        {
            End(arrival, "The receiver was stopped.");
        }
    }

    private void End(Arrival arrival, string reason)
    {
        arrival.End(reason);
        Remove(arrival);
        onEnded(arrival);
    }
}

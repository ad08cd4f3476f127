using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Methods;

/// <summary>
/// The connections that have come and do not belong to a migration yet: there is room for a number of each standing, and each has a
/// limited time, whatever the peers do. Where the room is full, a connection of the same standing is ended for the new one: the oldest
/// from the origin that most come from. An honest peer needs milliseconds and a place or two, so a crowd only pushes out its own.
/// </summary>
/// <param name="clock">Measures the time.</param>
/// <param name="onEnded">Told of each that was ended from here; on any thread.</param>
internal sealed class Arrivals(TimeProvider clock, Action<Arrival> onEnded)
{
    /// <summary>How many there may be that have not greeted; and the same for those that have greeted and wait for their partner.</summary>
    public const int Maximum = 64;

    /// <summary>How many there may be of other users of this machine, who are only told that they may not connect.</summary>
    public const int MaximumStrangers = 8;

    /// <summary>How long one may take from being accepted until it has proved who it is and has greeted.</summary>
    public static readonly TimeSpan GreetingPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long one may take from its greeting until its migration begins.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>How many a source comes with: control and pushed pages by one, demanded pages by the other.</summary>
    private const int ConnectionsOfASource = 2;

    private readonly Lock _gate = new();
    private readonly List<Arrival> _all = [];
    private bool _isClosed;

    /// <summary>How many are here; each of them has a deadline.</summary>
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
    /// <param name="socket">The connection.</param>
    /// <param name="isStranger">Whether it comes from a user of this machine who has no business here.</param>
    /// <returns>Null where none is taken in any more; the socket is closed then.</returns>
    public Arrival? Add(Socket socket, bool isStranger)
    {
        Arrival arrival = new(socket, isStranger ? ArrivalStanding.Stranger : ArrivalStanding.Unproved, OriginOf(socket));
        Arrival? giving;
        lock (_gate)
        {
            if (_isClosed)
            {
                socket.Dispose();
                return null;
            }

            giving = TakeGiving(arrival.Standing);
            _all.Add(arrival);
            arrival.Deadline = EndAfter(arrival, GreetingPatience, "prove who it is and greet");
        }

        End(giving);
        return arrival;
    }

    /// <summary>A peer has proved who it is, and has greeted: it has its time from now on, and a place among those that have.</summary>
    public void Greeted(Arrival arrival, Connection connection)
    {
        Arrival? giving;
        lock (_gate)
        {
            if (!_all.Remove(arrival))
            {
                return;
            }

            giving = TakeGiving(ArrivalStanding.Greeted);
            arrival.Standing = ArrivalStanding.Greeted;
            arrival.Origin = connection.Peer ?? "";
            arrival.Connection = connection;
            arrival.Deadline?.Dispose();
            arrival.Deadline = EndAfter(arrival, Patience, "become a migration");
            _all.Add(arrival);
        }

        End(giving);
    }

    /// <summary>Ends a connection that has not proved who it is, where there is one: this process has no descriptors left.</summary>
    public void MakeRoom()
    {
        Arrival? giving;
        lock (_gate)
        {
            giving = TakeGiving(ArrivalStanding.Stranger, 0) ?? TakeGiving(ArrivalStanding.Unproved, 0);
        }

        End(giving);
    }

    /// <summary>Takes two connections out that become a migration: only where both are still here, and none was chosen to end.</summary>
    public bool TryLeave(Connection one, Connection other)
    {
        lock (_gate)
        {
            Arrival[] both = [.. _all.Where(arrival => arrival.Connection is { } its && (ReferenceEquals(its, one) || ReferenceEquals(its, other)))];
            if (both.Length < 2)
            {
                return false;
            }

            foreach (Arrival arrival in both)
            {
                _all.Remove(arrival);
                arrival.Dispose();
            }

            return true;
        }
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
            EndIfHere(arrival, "The receiver was stopped.");
        }
    }

    /// <summary>Where a connection comes from. With IPv6 the origin is the network of 64 bits: whoever has one address of it can have them
    /// all.</summary>
    private static string OriginOf(Socket socket)
    {
        if (SocketChannel.RemoteOf(socket) is not { } remote)
        {
            return "";
        }

        IPAddress address = HostAddress.Plain(remote.Address);
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8))
            : address.ToString();
    }

    /// <summary>
    /// Takes out the connection that is to make room for another of its standing; null where there is room. Call it with the gate held: a
    /// connection that becomes a migration leaves with the same gate held, so no migration is ended for another one.
    /// </summary>
    private Arrival? TakeGiving(ArrivalStanding standing, int? room = null)
    {
        List<Arrival> alike = _all.FindAll(arrival => arrival.Standing == standing);
        if (alike.Count < (room ?? (standing == ArrivalStanding.Stranger ? MaximumStrangers : Maximum)) || alike.Count == 0)
        {
            return null;
        }

        // A source comes with two connections. That is no crowd: it must not be the first to go because every other one came alone.
        IGrouping<string, Arrival> crowd = alike.GroupBy(arrival => arrival.Origin).MaxBy(origin => origin.Count())!;
        Arrival giving = crowd.Count() > ConnectionsOfASource ? crowd.First() : alike[0];
        _all.Remove(giving);
        giving.Condemn("The connection made room for another one, of which too many had come from there.");
        return giving;
    }

    /// <summary>Ends a connection when its time is over.</summary>
    /// <param name="arrival">The connection.</param>
    /// <param name="patience">Its time.</param>
    /// <param name="wanted">What it had to do by then.</param>
    private ITimer EndAfter(Arrival arrival, TimeSpan patience, string wanted) => clock.CreateTimer(
        _ => EndIfHere(arrival, $"The connection did not {wanted} within {patience.TotalSeconds:F0} s."), null, patience, Timeout.InfiniteTimeSpan);

    /// <summary>Ends a connection that does not belong to a migration yet, and was not ended before.</summary>
    private void EndIfHere(Arrival arrival, string reason)
    {
        lock (_gate)
        {
            if (!_all.Remove(arrival))
            {
                return;
            }

            arrival.Condemn(reason);
        }

        End(arrival);
    }

    /// <summary>Ends a connection that was taken out for that.</summary>
    private void End(Arrival? arrival)
    {
        if (arrival is not null)
        {
            arrival.End();
            onEnded(arrival);
        }
    }
}

using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Methods;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transports;

/// <summary>A connection either becomes a migration or makes room for another one, and never both.</summary>
public sealed class ArrivalsTests : IDisposable
{
    private readonly Clock _clock = new();
    private readonly List<Arrival> _ended = [];
    private readonly List<IDisposable> _open = [];
    private readonly Arrivals _arrivals;

    public ArrivalsTests() => _arrivals = new Arrivals(_clock, _ended.Add);

    public void Dispose()
    {
        _arrivals.Close();
        _open.ForEach(one => one.Dispose());
    }

    [Fact]
    public void Who_was_chosen_to_make_room_becomes_no_migration_any_more()
    {
        (Arrival bulk, Arrival demand) = (Greeted(), Greeted());
        for (int i = 2; i < Arrivals.Maximum; i++)
        {
            Greeted();
        }

        // Between the choice of who goes and his end: the moment at which his migration would begin.
        bool? left = null;
        _clock.OnTimer = () => left = _arrivals.TryLeave(bulk.Connection!, demand.Connection!);
        Greeted();

        Assert.Equal(bulk, Assert.Single(_ended));
        Assert.NotNull(bulk.EndedBecause);
        Assert.False(left);
    }

    [Fact]
    public void Who_becomes_a_migration_makes_room_for_nobody_and_his_time_does_not_run()
    {
        (Arrival bulk, Arrival demand) = (Greeted(), Greeted());
        Assert.True(_arrivals.TryLeave(bulk.Connection!, demand.Connection!));
        Assert.False(_arrivals.TryLeave(bulk.Connection!, demand.Connection!));
        for (int i = 0; i <= Arrivals.Maximum; i++)
        {
            Greeted();
        }

        _clock.Ring();
        _arrivals.Close();
        Assert.DoesNotContain(bulk, _ended);
        Assert.DoesNotContain(demand, _ended);
        Assert.Null(bulk.EndedBecause);
        Assert.True(bulk.Socket.Connected);
    }

    [Fact]
    public void One_whose_time_is_over_ends_once()
    {
        Arrival arrival = Greeted();
        _clock.Ring();
        _clock.Ring();
        Assert.Equal(arrival, Assert.Single(_ended));
    }

    /// <summary>A connection that has greeted.</summary>
    private Arrival Greeted()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        TcpClient client = new();
        client.Connect((IPEndPoint)listener.LocalEndpoint);
        Socket socket = listener.AcceptSocket();
        Connection connection = Connection.Accept(socket);
        _open.AddRange([client, connection, socket]);
        Action? hook = _clock.OnTimer;
        _clock.OnTimer = null;
        Arrival arrival = _arrivals.Add(socket, isStranger: false)!;
        _clock.OnTimer = hook;
        _arrivals.Greeted(arrival, connection);
        return arrival;
    }

    /// <summary>A clock whose timers ring when a test says so, and which tells of each that is made.</summary>
    private sealed class Clock : TimeProvider
    {
        private readonly List<Timer> _timers = [];

        public Action? OnTimer { get; set; }

        public void Ring() => _timers.ToList().ForEach(timer => timer.Ring());

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            OnTimer?.Invoke();
            Timer timer = new(callback, state);
            _timers.Add(timer);
            return timer;
        }

        private sealed class Timer(TimerCallback callback, object? state) : ITimer
        {
            private bool _isOver;

            public void Ring()
            {
                if (!_isOver)
                {
                    callback(state);
                }
            }

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose() => _isOver = true;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}

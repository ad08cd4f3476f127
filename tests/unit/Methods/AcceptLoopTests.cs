using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Methods;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Where connections cannot be taken for a while, the loop waits instead of trying for ever, and says so once.</summary>
public sealed class AcceptLoopTests : IDisposable
{
    private readonly WatchedClock _clock = new();
    private readonly BlockingCollection<SocketError?> _connections = [];
    private readonly BlockingCollection<Socket> _taken = [];
    private readonly List<Exception> _failures = [];
    private readonly AcceptLoop _loop;
    private readonly Thread _thread;
    private int _attempts;
    private int _roomMade;

    public AcceptLoopTests()
    {
        _loop = new AcceptLoop(Accept, _taken.Add, _failures.Add, () => _roomMade++, _clock);
        _thread = new Thread(_loop.Run) { IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        _loop.End();
        _connections.CompleteAdding();
        _thread.Join();
        _connections.Dispose();
        _taken.Dispose();
    }

    [Fact]
    public void Without_descriptors_it_waits_longer_each_time_and_says_so_once()
    {
        TimeSpan pause = AcceptLoop.FirstPause;
        for (int i = 1; i <= 8; i++)
        {
            Comes(SocketError.TooManyOpenSockets);
            TimeSpan waited = _clock.NextTimer();
            Assert.Equal(pause, waited);

            // Nothing is tried before the time is over, and each failure lets go of something.
            Assert.Equal((i, i), (_attempts, _roomMade));
            pause = pause * 2 < AcceptLoop.LongestPause ? pause * 2 : AcceptLoop.LongestPause;
            _clock.Advance(waited);
        }

        Assert.Equal(SocketError.TooManyOpenSockets, Assert.IsType<SocketException>(Assert.Single(_failures)).SocketErrorCode);
    }

    [Fact]
    public void The_next_connection_is_taken_and_another_failure_is_a_new_one()
    {
        Comes(SocketError.TooManyOpenSockets);
        _clock.Advance(_clock.NextTimer());
        Comes(null);
        _taken.Take(TestContext.Current.CancellationToken).Dispose();
        Comes(SocketError.NoBufferSpaceAvailable);
        Assert.Equal(AcceptLoop.FirstPause, _clock.NextTimer());
        Assert.Equal(2, _failures.Count);
    }

    [Fact]
    public void It_ends_while_it_waits()
    {
        Comes(SocketError.TooManyOpenSockets);
        _clock.NextTimer();
        _loop.End();
        _thread.Join();
        Assert.Equal(1, _attempts);
    }

    /// <summary>Lets the next connection come, or fail to be taken.</summary>
    private void Comes(SocketError? error) => _connections.Add(error, TestContext.Current.CancellationToken);

    private Socket Accept()
    {
        SocketError? error = _connections.Take();
        _attempts++;
        return error is { } code ? throw new SocketException((int)code) : new Socket(SocketType.Stream, ProtocolType.Tcp);
    }

    /// <summary>A clock that tells which timers are set.</summary>
    private sealed class WatchedClock : TimeProvider
    {
        private readonly FakeTimeProvider _clock = new();
        private readonly Queue<TimeSpan> _timers = new();

        public TimeSpan NextTimer()
        {
            lock (_timers)
            {
                while (_timers.Count == 0)
                {
                    Monitor.Wait(_timers);
                }

                return _timers.Dequeue();
            }
        }

        public void Advance(TimeSpan time) => _clock.Advance(time);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = _clock.CreateTimer(callback, state, dueTime, period);
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                lock (_timers)
                {
                    _timers.Enqueue(dueTime);
                    Monitor.PulseAll(_timers);
                }
            }

            return timer;
        }
    }
}

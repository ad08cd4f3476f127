using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>
/// The rule of docs/protocol.md, Liveness: silence is a lost connection, and nothing else is. Times are the fake clock's:
/// a peer may be silent for 30 s, and a side beats every second.
/// </summary>
public sealed class LivenessTests : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private static readonly byte[] s_beat = [17, 0, 0, 0, 0, 0, 0, 0];
    private static readonly byte[] s_prepared = RecordCodec.Encode(new PreparedRecord());
    private readonly FakeTimeProvider _clock = new();
    private readonly PeerStream _peer = new();
    private readonly Connection _connection;
    private readonly int _greeting;

    public LivenessTests()
    {
        _connection = new Connection(_peer, s_timeout, _clock);
        _connection.Send(new WelcomeRecord(Protocol.Version, 0));
        _greeting = _peer.Taken.Length;

        // The greeting counts as said within the first interval.
        _clock.Advance(s_interval);
    }

    public void Dispose() => _connection.Dispose();

    [Fact]
    public void A_side_that_says_nothing_else_beats_once_an_interval()
    {
        Assert.Equal(0, Beats());
        _clock.Advance(s_interval);
        Assert.Equal(1, Beats());
        _clock.Advance(3 * s_interval);
        Assert.Equal(4, Beats());
        _connection.Send(new PreparedRecord());
        _clock.Advance(s_interval);
        Assert.Equal([.. s_beat, .. s_beat, .. s_beat, .. s_beat, .. s_prepared], _peer.Taken[_greeting..]);
        _clock.Advance(s_interval);
        Assert.Equal(5 * s_beat.Length + s_prepared.Length, _peer.Taken.Length - _greeting);
    }

    [Fact]
    public void Nothing_is_said_before_the_greeting_and_nothing_after_the_end()
    {
        using PeerStream peer = new();
        Connection connection = new(peer, s_timeout, _clock);
        _clock.Advance(100 * s_interval);
        Assert.Empty(peer.Taken);
        connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        int greeting = peer.Taken.Length;
        connection.Dispose();
        _clock.Advance(100 * s_interval);
        Assert.Equal(greeting, peer.Taken.Length);
    }

    [Fact]
    public void Beats_are_records_of_nobody()
    {
        _peer.Say([.. s_beat, .. s_beat, .. s_prepared, .. s_beat]);
        long sent = _connection.BytesSent;
        List<string> traced = [];
        _connection.TraceTo("bulk", new Listener(traced));
        Assert.Equal(RecordType.Prepared, _connection.Receive(out _));
        _clock.Advance(2 * s_interval);
        Assert.Equal(sent, _connection.BytesSent);
        Assert.Equal(["Prepared"], traced);
    }

    [Fact]
    public void A_beat_that_carries_something_is_refused()
    {
        _peer.Say([17, 0, 0, 0, 1, 0, 0, 0, 0]);
        Assert.Equal(
            MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => _connection.Receive(out _)).ErrorId);
    }

    [Fact]
    public async Task Who_waits_for_a_peer_that_is_silent_for_too_long_is_told_for_how_long()
    {
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        _peer.WaitForReader();
        _clock.Advance(s_timeout);
        Assert.False(_peer.IsClosed);
        _clock.Advance(s_interval);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => receiving);
        Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
        Assert.Contains("said nothing for 30 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("Get-MigrationReceiver", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("-PeerTimeout", error.Remedy, StringComparison.Ordinal);
        Assert.True(_peer.IsClosed);

        // Later calls are told the same.
        Assert.Equal(error.Message, Assert.Throws<MigrationException>(() => _connection.Send(new PreparedRecord())).Message);
    }

    [Fact]
    public async Task A_peer_that_beats_is_waited_for_without_end()
    {
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        for (int i = 0; i < 100; i++)
        {
            _peer.WaitForReader();
            _clock.Advance(s_timeout);
            _peer.Say(s_beat);
        }

        _peer.Say(s_prepared);
        Assert.Equal(RecordType.Prepared, await receiving);
    }

    [Fact]
    public async Task A_side_that_does_not_listen_takes_nobody_for_gone_and_beats_all_the_same()
    {
        _clock.Advance(30 * s_timeout);
        Assert.Equal(900, Beats());

        // The silence counts from when the side listens.
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        _peer.WaitForReader();
        _clock.Advance(s_timeout);
        _peer.Say(s_prepared);
        Assert.Equal(RecordType.Prepared, await receiving);
    }

    [Fact]
    public void Where_nothing_else_is_done_for_long_beats_do_not_pile_up()
    {
        _clock.Advance(200 * s_timeout);
        Assert.Equal(Pulse.MaximumIdleTicks, Beats());

        // A side that does something again beats again.
        _connection.Send(s_beat);
        _clock.Advance(11 * s_interval);
        Assert.Equal(Pulse.MaximumIdleTicks + 11, Beats());
    }

    [Fact]
    public async Task A_single_byte_is_a_sign_of_life()
    {
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        foreach (byte one in s_prepared)
        {
            _peer.WaitForReader();
            _clock.Advance(s_timeout);
            _peer.Say([one]);
        }

        Assert.Equal(RecordType.Prepared, await receiving);
    }

    [Fact]
    public async Task A_send_that_the_peer_neither_takes_nor_answers_ends()
    {
        _peer.Stall();
        Task sending = Run(() => _connection.Send(new CommitRecord()));
        _peer.WaitForWriter();
        _clock.Advance(s_timeout + s_interval);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => sending);
        Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
        Assert.Contains("took nothing and said nothing for 30 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_send_to_a_peer_that_is_busy_but_beats_waits_until_it_is_taken()
    {
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        _peer.Stall();
        Task sending = Run(() => _connection.Send(new CommitRecord()));
        _peer.WaitForWriter();
        for (int i = 0; i < 100; i++)
        {
            _peer.WaitForReader();
            _clock.Advance(s_timeout);
            _peer.Say(s_beat);
        }

        // Nothing was put behind the record that is being sent.
        Assert.Equal(_greeting, _peer.Taken.Length);
        _peer.Stall(false);
        await sending;
        _peer.Say(s_prepared);
        Assert.Equal(RecordType.Prepared, await receiving);
    }

    [Fact]
    public async Task A_long_record_that_is_taken_slowly_is_no_stalled_one()
    {
        byte[] record = new byte[Protocol.HeaderSize + (1 << 20)];
        RecordCodec.WriteHeader(record, RecordType.Pages, 1 << 20);
        _peer.Stall();
        Task sending = Run(() => _connection.Send(record));
        for (int taken = _greeting; taken < _greeting + record.Length; taken = _peer.Taken.Length)
        {
            _peer.WaitForWriter();
            _clock.Advance(s_timeout);
            _peer.TakeNext();
        }

        await sending;
    }

    [Fact]
    public async Task A_beat_that_cannot_be_sent_holds_nobody_up_for_longer_than_a_stalled_send()
    {
        _peer.Stall();
        _clock.Advance(3 * s_timeout);
        Assert.False(_peer.IsClosed);
        Task sending = Run(() => _connection.Send(new CommitRecord()));
        SpinWait.SpinUntil(() => _connection.Senders == 1);
        _clock.Advance(s_timeout + s_interval);
        Assert.Equal(
            MigrationErrorId.ConnectionLost, (await Assert.ThrowsAsync<MigrationException>(() => sending)).ErrorId);
    }

    [Fact]
    public async Task Closing_ends_whoever_sends_waits_to_send_or_receives()
    {
        _peer.Stall();
        Task[] blocked =
        [
            Run(() => _connection.Receive(out _)),
            Run(() => _connection.Send(new CommitRecord())),
            Run(() => _connection.Send(new CommitRecord())),
            Run(() => _connection.Send(new CommitRecord())),
        ];
        _peer.WaitForReader();
        _peer.WaitForWriter();
        SpinWait.SpinUntil(() => _connection.Senders == 3);
        _connection.Dispose();
        foreach (Task call in blocked)
        {
            Assert.Equal(MigrationErrorId.ConnectionLost, (await Assert.ThrowsAsync<MigrationException>(() => call)).ErrorId);
        }
    }

    [Fact]
    public async Task An_answer_that_is_owed_has_its_own_time_whether_the_peer_beats_or_not()
    {
        _connection.ReceiveTimeout = TimeSpan.FromMinutes(1);
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        for (int seconds = 1; seconds < 60; seconds++)
        {
            _peer.WaitForReader();
            _clock.Advance(s_interval);
            _peer.Say(s_beat);
        }

        _peer.WaitForReader();
        _clock.Advance(s_interval);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => receiving);
        Assert.Equal(MigrationErrorId.ConnectionLost, error.ErrorId);
        Assert.Contains("did not answer for 60 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_time_of_an_answer_begins_when_it_is_waited_for_or_set_and_ends_with_the_answer()
    {
        _connection.ReceiveTimeout = s_interval;
        _clock.Advance(10 * s_interval);
        Task<RecordType> receiving = Run(() => _connection.Receive(out _));
        _peer.WaitForReader();
        _clock.Advance(s_interval / 2);
        _connection.ReceiveTimeout = s_interval;
        _clock.Advance(s_interval / 2);
        _peer.Say(s_prepared);
        Assert.Equal(RecordType.Prepared, await receiving);
        _clock.Advance(10 * s_interval);
        Assert.False(_peer.IsClosed);
        _connection.ReceiveTimeout = null;
        Assert.Null(_connection.ReceiveTimeout);
    }

    [Fact]
    public async Task A_peer_that_does_not_hang_up_is_not_waited_for_without_end()
    {
        Task closing = Run(() => _connection.CloseAfterPeer(TimeSpan.FromSeconds(2)));
        _peer.WaitForReader();
        _peer.Say(s_beat);
        _peer.WaitForReader();
        _clock.Advance(TimeSpan.FromSeconds(2));
        await closing;
        Assert.True(_peer.IsClosed);
    }

    [Fact]
    public async Task A_process_that_did_not_run_for_a_while_hears_the_peer_out_first()
    {
        JumpingClock clock = new();
        using PeerStream peer = new();
        using Connection connection = new(peer, s_timeout, clock);
        connection.Send(new WelcomeRecord(Protocol.Version, 0));
        Task<RecordType> receiving = Run(() => connection.Receive(out _));
        peer.WaitForReader();

        // However late a tick comes, a timer makes only one of all that were due, after a minute as after an interval.
        for (int i = 0; i < 30; i++)
        {
            clock.Tick();
        }

        Assert.False(peer.IsClosed);
        peer.Say(s_prepared);
        Assert.Equal(RecordType.Prepared, await receiving);
    }

    [Fact]
    public void Closing_never_throws_whatever_the_channel_does()
    {
        ThrowingChannel channel = new();
        Connection connection = new(channel);
        connection.Dispose();
        connection.Dispose();
        Assert.Equal(2, channel.Closings);
        new Connection(new ThrowingChannel()).CloseAfterPeer(TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData(4.9)]
    [InlineData(601)]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_time_that_is_too_short_or_too_long_is_refused(double seconds)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => PeerTimeout.Require(TimeSpan.FromSeconds(seconds)));
        Assert.Equal(MigrationErrorId.InvalidOption, error.ErrorId);
        Assert.Contains("from 00:00:05 to 00:10:00", error.Message, StringComparison.Ordinal);
        Assert.Throws<MigrationException>(
            () => new PreRecordMigration.Options.MigrationOptions { PeerTimeout = TimeSpan.FromSeconds(seconds) }.Validate());
    }

    private int Beats()
    {
        byte[] said = _peer.Taken[_greeting..];
        Assert.True(said.Chunk(s_beat.Length).All(record => record.SequenceEqual(s_beat)));
        return said.Length / s_beat.Length;
    }

    private static Task<T> Run<T>(Func<T> call) => Task.Factory.StartNew(
        call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Task<bool> Run(Action call) => Run(() =>
    {
        call();
        return true;
    });

    private sealed class Listener(List<string> heard) : IProgress<PreRecordMigration.Reporting.MigrationTrace>
    {
        public void Report(PreRecordMigration.Reporting.MigrationTrace value) => heard.Add(value.Name);
    }

    /// <summary>A clock whose ticks come when the test wants, as those of a process do that is stopped and goes on.</summary>
    private sealed class JumpingClock : TimeProvider
    {
        private readonly List<Action> _ticks = [];
        private long _minutes;

        public override long GetTimestamp() => _minutes * 60 * TimestampFrequency;

        public void Tick()
        {
            _minutes++;
            _ticks.ForEach(tick => tick());
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ticks.Add(() => callback(state));
            return System.CreateTimer(_ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private sealed class ThrowingChannel : PeerChannel
    {
        public int Closings { get; private set; }

        public override Stream Stream { get; } = new MemoryStream();

        public override void EndSending() => throw new InvalidOperationException("No process is associated with this object.");

        protected override void Dispose(bool disposing)
        {
            Closings++;
            throw new AggregateException("Not all processes in process tree could be terminated.");
        }
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Tells a peer that has gone from one that is busy, and keeps this side from being taken for one that has gone. The
/// rule is in docs/protocol.md, Liveness; it is applied here and nowhere else.
/// </summary>
/// <param name="clock">Measures the time.</param>
/// <param name="timeout">How long the peer may be silent.</param>
/// <param name="beat">Begins to send a beat, where nothing else is being sent; must not block.</param>
/// <param name="lose">Told once that the peer has gone, and why.</param>
internal sealed class Pulse(TimeProvider clock, TimeSpan timeout, Action beat, Action<MigrationException> lose) : IDisposable
{
    /// <summary>
    /// For how many ticks a side beats on a connection on which it neither listens nor sends. Where nobody listens at the other end
    /// either, more beats would pile up until the kernel took the peer for gone.
    /// </summary>
    internal const int MaximumIdleTicks = 1000;

    private readonly int _allowedTicks = (int)Math.Ceiling(timeout / PeerTimeout.BeatInterval);
    private readonly Lock _ticking = new();
    private ITimer? _timer;
    private volatile bool _hasBegun;
    private volatile bool _isEnded;

    // Written by every thread that sends or receives.
    private int _listeners;
    private int _senders;
    private long _heard;
    private long _sent;

    // Only ticks change these. Silence is counted in ticks instead of time: while this process did not run, the peer may have beaten
    // unheard.
    private (bool IsListening, bool IsSending, long Heard, long Sent) _before;
    private int _unheardTicks;
    private int _stuckTicks;
    private int _idleTicks;

    /// <summary>Threads that send or wait to.</summary>
    public int Senders => Volatile.Read(ref _senders);

    /// <summary>Begins to beat and to watch the peer. A second call does nothing.</summary>
    public void Start()
    {
        lock (_ticking)
        {
            if (_hasBegun)
            {
                return;
            }

            _hasBegun = true;
            _timer = clock.CreateTimer(_ => Tick(), null, PeerTimeout.BeatInterval, PeerTimeout.BeatInterval);
        }

        if (_isEnded)
        {
            Dispose();
        }
    }

    /// <summary>This side waits for bytes from now on.</summary>
    public void BeginListening() => Interlocked.Increment(ref _listeners);

    /// <summary>This side waits for bytes no longer.</summary>
    /// <param name="hasHeard">Whether some came.</param>
    public void EndListening(bool hasHeard)
    {
        // What was heard is counted first, so that a tick which sees that nobody listens any more sees that, too.
        if (hasHeard)
        {
            Interlocked.Increment(ref _heard);
        }

        Interlocked.Decrement(ref _listeners);
    }

    /// <summary>This side has something to send from now on.</summary>
    public void BeginSending() => Interlocked.Increment(ref _senders);

    /// <summary>Some of what is to be sent has gone.</summary>
    public void HasSent() => Interlocked.Increment(ref _sent);

    /// <summary>All of what was to be sent has gone, or the rest never will.</summary>
    public void EndSending() => Interlocked.Decrement(ref _senders);

    /// <summary>Ends beating and watching.</summary>
    public void Dispose()
    {
        // The lock is not taken here: a tick that has found the peer gone may hold it. The timer is forgotten, because a reference to it
        // keeps all timers of the process alive.
        _isEnded = true;
        Interlocked.Exchange(ref _timer, null)?.Dispose();
    }

    private void Tick()
    {
        // After this process was stopped, ticks may come all at once; one of them is enough.
        if (!_ticking.TryEnter())
        {
            return;
        }

        MigrationException? loss = null;
        bool mayBeat;
        try
        {
            var current = (
                IsListening: Volatile.Read(ref _listeners) > 0,
                IsSending: Volatile.Read(ref _senders) > 0,
                Heard: Volatile.Read(ref _heard),
                Sent: Volatile.Read(ref _sent));
            bool isUnheard = current.Heard == _before.Heard;
            bool isUnsent = current.Sent == _before.Sent;
            _unheardTicks = isUnheard && current.IsListening && _before.IsListening ? _unheardTicks + 1 : 0;
            _stuckTicks = isUnheard && isUnsent && current.IsSending && _before.IsSending ? _stuckTicks + 1 : 0;
            _idleTicks = isUnsent && !current.IsSending && !current.IsListening && isUnheard ? _idleTicks + 1 : 0;
            mayBeat = isUnsent && !current.IsSending && _idleTicks <= MaximumIdleTicks;
            _before = current;
            if (_unheardTicks >= _allowedTicks)
            {
                loss = ProtocolErrors.Silent("said nothing", timeout);
            }
            else if (_stuckTicks >= _allowedTicks)
            {
                loss = ProtocolErrors.Silent("took nothing and said nothing", timeout);
            }
        }
        finally
        {
            _ticking.Exit();
        }

        if (_isEnded)
        {
            return;
        }

        if (loss is not null)
        {
            lose(loss);
        }
        else if (mayBeat)
        {
            beat();
        }
    }
}

using PreRecordMigration.Options;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Leaves a peer that lives and does nothing: once asked to, it looks whether the migration still comes on, and tells where
/// nothing of it has changed for the peer timeout. A beat only says that the peer's process lives; what hangs in its hypervisor
/// beats for ever.
/// </summary>
/// <param name="clock">Measures the time.</param>
/// <param name="patience">How long nothing may change.</param>
/// <param name="progress">What has been done: its values are compared, and it is finite what there is to do.</param>
/// <param name="stalled">Told once that nothing has changed for that long.</param>
internal sealed class ProgressWatch(TimeProvider clock, TimeSpan patience, Func<(object State, long Left)> progress, Action stalled) : IDisposable
{
    private readonly Lock _gate = new();

    // Ticks are counted, and not time: time in which this process stood still is none in which the peer did nothing.
    private readonly int _allowedTicks = (int)Math.Ceiling(patience / PeerTimeout.BeatInterval);
    private ITimer? _timer;
    private (object State, long Left) _last;
    private int _ticks;
    private bool _isEnded;

    /// <summary>How long nothing may change.</summary>
    public TimeSpan Patience => patience;

    /// <summary>Begins to look. Nothing, where it has begun before.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_timer is null && !_isEnded)
            {
                _last = progress();
                _timer = clock.CreateTimer(_ => Tick(), null, PeerTimeout.BeatInterval, PeerTimeout.BeatInterval);
            }
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isEnded = true;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Tick()
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            (object State, long Left) current = progress();
            _ticks = current.Equals(_last) ? _ticks + 1 : 0;
            _last = current;
            if (_ticks < _allowedTicks)
            {
                return;
            }

            _isEnded = true;
            _timer?.Dispose();
            _timer = null;
        }

        stalled();
    }
}

using PreRecordMigration.Options;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Finds a peer that lives and does nothing: from <see cref="Start"/> on it looks whether the migration makes progress, and says so once
/// nothing has changed for the peer timeout. A beat only proves that the peer's process lives: one that hangs in its hypervisor beats for
/// ever.
/// </summary>
/// <param name="clock">Measures the time.</param>
/// <param name="patience">How long nothing may change, as it is now.</param>
/// <param name="progress">What has been done and what is left. Two equal values in a row mean no progress, and because what is left is
/// finite, progress comes to an end.</param>
/// <param name="stalled">Told once that nothing has changed for that long.</param>
internal sealed class ProgressWatch(TimeProvider clock, Func<TimeSpan> patience, Func<(object State, long Left)> progress, Action stalled) : IDisposable
{
    private readonly Lock _gate = new();

    private ITimer? _timer;
    private (object State, long Left) _last;
    private int _ticks;
    private bool _isEnded;

    /// <summary>How long nothing may change.</summary>
    public TimeSpan Patience => patience();

    /// <summary>Begins to look. A second call does nothing.</summary>
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

            // Ticks are counted instead of time: while this process stood still, it could not have seen what the peer did.
            if (_ticks < Math.Ceiling(patience() / PeerTimeout.BeatInterval))
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

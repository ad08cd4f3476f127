using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>
/// Looks from time to time how much a guest has done, for as long as it is at one side of its move. It keeps a bounded number of looks: every second one is left
/// out when they run out.
/// </summary>
/// <param name="clock">Measures the time, and says when to look.</param>
/// <param name="holder">Says who has the domain.</param>
internal sealed class SpeedLog(TimeProvider clock, Func<DomainHolder> holder) : IDisposable
{
    /// <summary>From one look to the next, at first.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Two looks that are nearer to each other than this say nothing of a speed.</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(10);

    private const int MostLooks = MigrationDetails.MaximumSamples / 2;
    private readonly Lock _gate = new();
    private readonly List<(TimeSpan At, double Work, DomainHolder Where)> _looks = [];
    private IGuestWork? _guest;
    private ITimer? _timer;
    private TimeSpan _interval = Interval;
    private long _start;
    private bool _hasBegun;

    /// <summary>Begins to look at a domain; nothing happens where its host does not count.</summary>
    /// <param name="domain">The domain; <see cref="End"/> is called before its handle is disposed.</param>
    /// <param name="start">The timestamp from which times count.</param>
    public void Begin(object domain, long start)
    {
        lock (_gate)
        {
            if (domain is not IGuestWork guest || _hasBegun)
            {
                return;
            }

            (_guest, _start, _hasBegun) = (guest, start, true);
            _timer = clock.CreateTimer(_ => Look(), null, _interval, _interval);
        }

        Look();
    }

    /// <summary>Looks now, too: where something begins or ends.</summary>
    public void Look()
    {
        // Whoever looks already does for all.
        if (!_gate.TryEnter())
        {
            return;
        }

        try
        {
            TimeSpan at = clock.GetElapsedTime(_start);
            if (_guest is { } guest && (_looks.Count == 0 || at - _looks[^1].At >= s_shortest) && guest.Work is { } work)
            {
                Keep(at, work);
            }
        }
        catch (Exception error) when (error is MigrationException or ObjectDisposedException or InvalidOperationException)
        {
            // It is gone, or somebody else's: there is nothing more to see of it.
            _guest = null;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Looks no more: when it returns nobody uses the domain's handle.</summary>
    public void End()
    {
        Look();
        lock (_gate)
        {
            _guest = null;

            // The timer is forgotten, because a reference to it keeps all timers of the process alive.
            _timer?.Dispose();
            _timer = null;
        }
    }

    /// <summary>The speeds between the looks.</summary>
    public IReadOnlyList<SpeedSample> Samples()
    {
        lock (_gate)
        {
            List<SpeedSample> samples = [];
            for (int i = 1; i < _looks.Count; i++)
            {
                double done = Math.Max(0, _looks[i].Work - _looks[i - 1].Work);
                samples.Add(new SpeedSample(_looks[i].At, done / (_looks[i].At - _looks[i - 1].At).TotalSeconds, _looks[i].Where));
            }

            return samples;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => End();

    private void Keep(TimeSpan at, double work)
    {
        if (_looks.Count == MostLooks)
        {
            List<(TimeSpan, double, DomainHolder)> kept = [.. _looks.Where((_, number) => number % 2 == 0)];
            _looks.Clear();
            _looks.AddRange(kept);
            _interval *= 2;
            _timer?.Change(_interval, _interval);
        }

        _looks.Add((at, work, holder()));
    }
}

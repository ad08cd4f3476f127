using System.Diagnostics;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Measuring;

/// <summary>
/// Looks at what a guest counts, wherever it is among some hosts, while it comes in and after it has its name: the longest time in which it stood still is what
/// the guest itself lost. The figure is no finer than the guest counts.
/// </summary>
internal sealed class BeatWatch : IDisposable
{
    /// <summary>Between two looks there is this time at least, and so many times what a look took: looking must not slow what is looked at.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(10);
    private const int Restraint = 50;

    /// <summary>The longest time between two looks.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(500);

    /// <summary>How many looks a domain's number is believed: it has another one after a move.</summary>
    private const int LooksOfNumber = 25;

    private readonly (IMigrationHost Host, IGuestBeats Beats)[] _hosts;
    private readonly string _name;
    private readonly BeatKey _key;
    private readonly ManualResetEventSlim _ended = new();
    private readonly Thread _thread;
    private readonly Dictionary<(int Host, int Id), long> _last = [];
    private (int Host, int Id)[] _domains = [];

    /// <summary>Begins to look.</summary>
    /// <param name="hosts">Where the domain may be; those on which nothing can be read are left out.</param>
    /// <param name="name">Its name.</param>
    /// <param name="key">What it counts.</param>
    /// <param name="clock">Measures the time.</param>
    public BeatWatch(IEnumerable<IMigrationHost> hosts, string name, BeatKey key, TimeProvider clock)
    {
        _hosts = [.. hosts.Distinct().Where(host => host is IGuestBeats).Select(host => (host, (IGuestBeats)host))];
        (_name, _key) = (name, key);
        Gaps = new GapClock(clock);
        _thread = new Thread(Work) { IsBackground = true, Name = "beat watch" };
        _thread.Start();
    }

    /// <summary>The longest time in which it stood still.</summary>
    public GapClock Gaps { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Set();
        _thread.Join();
        _ended.Dispose();
    }

    private void Work()
    {
        TimeSpan pause = s_interval;
        for (int look = 0; !_ended.Wait(pause); look++)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                Look(look % LooksOfNumber == 0);
            }
#pragma warning disable CA1031 // A figure for a report must not end the process, and with it the move.
            catch (Exception)
#pragma warning restore CA1031
            {
                // A domain that goes just now, or a host that cannot be asked: the next look says more.
                _domains = [];
            }

            TimeSpan rest = Stopwatch.GetElapsedTime(start) * Restraint;
            pause = rest < s_interval ? s_interval : rest > s_longest ? s_longest : rest;
        }
    }

    private void Look(bool isNew)
    {
        if (isNew || _domains.Length == 0)
        {
            _domains =
            [
                .. _hosts.SelectMany((host, number) => host.Host.GetDomains()
                    .Where(domain => domain.Name == _name || domain.Name.StartsWith($"{_name}--", StringComparison.Ordinal))
                    .Select(domain => (number, domain.Id))),
            ];
        }

        bool isGone = false;
        foreach ((int host, int id) in _domains)
        {
            long? count = _key.Find(_hosts[host].Beats.ReadBeat(id, _key.Node));
            isGone |= count is null;
            if (count is { } now && (!_last.TryGetValue((host, id), out long before) || before != now))
            {
                // The first look at a domain says nothing of whether it counts.
                bool isFirst = !_last.ContainsKey((host, id));
                _last[(host, id)] = now;
                if (!isFirst)
                {
                    Gaps.Sign();
                }
            }
        }

        _domains = isGone ? [] : _domains;
    }
}

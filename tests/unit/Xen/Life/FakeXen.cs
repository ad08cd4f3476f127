using System.Globalization;
using PreRecordMigration.Processes;
using PreRecordMigration.Tests.Xen.Outputs;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Life;

/// <summary>What a guest does when it is asked to suspend.</summary>
internal enum GuestManner
{
    /// <summary>Takes the request and suspends.</summary>
    Obeys,

    /// <summary>Leaves the request where it is.</summary>
    IsDeaf,

    /// <summary>Takes the request, and suspends when the test says so.</summary>
    Dawdles,

    /// <summary>Crashes at the request.</summary>
    Crashes,
}

/// <summary>A domain of a <see cref="FakeXen"/>.</summary>
internal sealed class FakeDomain
{
    internal required int DomId { get; init; }

    internal required string Uuid { get; init; }

    internal GuestManner Manner { get; set; }

    internal int Pauses { get; set; }

    internal uint? ShutdownReason { get; set; }

    internal bool IsDying { get; set; }

    internal ulong CpuTime { get; set; }

    internal ulong MaxPages { get; set; } = 1024;

    internal ulong TotalPages { get; set; } = 1024;

    internal string Json { get; set; } = "{}";

    /// <summary>Whether XenStore holds it for stopped: its next suspension would then be told to nobody.</summary>
    internal bool IsStoppedForStore { get; set; }

    internal bool Runs => Pauses == 0 && ShutdownReason is null && !IsDying;
}

/// <summary>
/// A host that behaves as Xen and its toolstack do, as far as a domain's life goes: pauses are counted, a suspension ends by a resume alone,
/// numbers are used again, names stand in XenStore and are taken once. Any call can be made to fail, before or after it took effect.
/// </summary>
internal sealed partial class FakeXen
{
    private readonly object _gate = new();
    private readonly SortedDictionary<string, string> _store = new(StringComparer.Ordinal);
    private readonly Dictionary<int, FakeDomain> _domains = [];
    private readonly List<FakeWatch> _watches = [];
    private int _failAt = -1;
    private int _killAt = -1;
    private string? _failsAlways;
    private bool _isKilled;
    private bool _failsAfterwards;
    private int _nextDomId = 1;

    /// <summary>Calls so far.</summary>
    internal int Calls { get; private set; }

    /// <summary>What was kept in files.</summary>
    internal Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>The call that was made to fail; null where none was reached.</summary>
    internal string? Failed { get; private set; }

    /// <summary>Connections that are open.</summary>
    internal int Connections { get; private set; }

    /// <summary>Called after every call, on the caller's thread.</summary>
    internal Action<string>? AfterCall { get; set; }

    /// <summary>Called instead of waiting for a watch, with how long that would have been; null to wait.</summary>
    internal Action<TimeSpan>? Waiting { get; set; }

    /// <summary>Whether watches are told nothing.</summary>
    internal bool AreEventsLost { get; set; }

    internal IReadOnlyCollection<FakeDomain> Domains
    {
        get
        {
            lock (_gate)
            {
                return [.. _domains.Values];
            }
        }
    }

    internal FakeXen()
    {
        Outputs = new FakeControlDomain(this);
        Layers = new(Outputs, Outputs, Outputs) { HoldsTwins = true };
    }

    /// <summary>The control domain's network and mapped devices, whose calls fail as the host's do.</summary>
    internal FakeControlDomain Outputs { get; }

    internal OutputLayers Layers { get; }

    internal FakeDomain Add(string name, string? uuid = null, int? domid = null)
    {
        lock (_gate)
        {
            FakeDomain domain = new() { DomId = domid ?? _nextDomId++, Uuid = uuid ?? Guid.NewGuid().ToString("N"), CpuTime = 1 };
            _domains[domain.DomId] = domain;
            _store[NamePath(domain.DomId)] = name;
            return domain;
        }
    }

    /// <summary>Takes a domain away as `xl destroy` does, or a guest that shuts down with on_poweroff="destroy".</summary>
    internal void Remove(FakeDomain domain)
    {
        lock (_gate)
        {
            Forget(domain);
        }
    }

    internal IDomainControl Connect()
    {
        lock (_gate)
        {
            Connections++;
        }

        return new FakeControl(this);
    }

    internal string? Read(string path)
    {
        lock (_gate)
        {
            return _store.GetValueOrDefault(path);
        }
    }

    /// <summary>Writes as somebody else.</summary>
    internal void Write(string path, string value)
    {
        lock (_gate)
        {
            Put(path, value);
        }
    }

    internal string? NameOf(FakeDomain domain) => Read(NamePath(domain.DomId));

    /// <summary>What stands below /prerecord, path and value.</summary>
    internal IReadOnlyList<string> Notes
    {
        get
        {
            lock (_gate)
            {
                return [.. _store.Where(node => node.Key.StartsWith("/prerecord/", StringComparison.Ordinal)).Select(node => $"{node.Key}={node.Value}")];
            }
        }
    }

    /// <summary>Has the guest shut down or suspend, as if for a request of long ago.</summary>
    internal void Shutdown(FakeDomain domain, uint reason)
    {
        lock (_gate)
        {
            Stop(domain, reason);
        }
    }

    /// <summary>Makes one of the calls from now on fail.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="afterwards">Whether it takes effect all the same.</param>
    internal void FailAt(int index, bool afterwards)
    {
        lock (_gate)
        {
            (Calls, _failAt, _failsAfterwards, Failed) = (0, index, afterwards, null);
        }
    }

    /// <summary>Has one of the calls from now on kill the tool: neither it nor any later one has an effect, until another tool comes.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="afterwards">Whether that call takes effect all the same.</param>
    internal void KillAt(int index, bool afterwards)
    {
        lock (_gate)
        {
            (Calls, _killAt, _failsAfterwards, Failed) = (0, index, afterwards, null);
        }
    }

    /// <summary>Has a call of a name fail for good, until <see cref="Mend"/>.</summary>
    internal void FailAlways(string name)
    {
        lock (_gate)
        {
            (_failsAlways, Failed) = (name, null);
        }
    }

    /// <summary>Another tool comes, and nothing fails any more. What a tool that lived noted is a dead one's.</summary>
    internal void Mend()
    {
        lock (_gate)
        {
            (_failAt, _killAt, _failsAlways, _isKilled) = (-1, -1, null, false);
            foreach ((string path, string value) in _store.Where(node => node.Key.StartsWith("/prerecord/", StringComparison.Ordinal)).ToArray())
            {
                _store[path] = value.Replace(OwnerProcess.Current.ToString(), default(OwnerProcess).ToString(), StringComparison.Ordinal);
            }
        }
    }

    private static string NamePath(int domid) => string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/name");

    internal T Call<T>(string name, Func<T> action)
    {
        T result;
        lock (_gate)
        {
            bool kills = Calls == _killAt;
            bool fails = Calls++ == _failAt || kills || name == _failsAlways || _isKilled;
            if (fails)
            {
                Failed ??= name;
            }

            if (_isKilled || name == _failsAlways)
            {
                throw new XenException(name, 5, _isKilled ? "killed" : "injected", "");
            }

            _isKilled |= kills;

            if (fails && !_failsAfterwards)
            {
                throw new XenException(name, 5, "injected", "");
            }

            result = action();
            if (fails)
            {
                throw new XenException(name, 5, "injected", "");
            }
        }

        AfterCall?.Invoke(name);
        return result;
    }

    internal void Call(string name, Action action) => Call(name, () =>
    {
        action();
        return 0;
    });

    private FakeDomain Domain(int domid, string call) =>
        _domains.GetValueOrDefault(domid) ?? throw new XenException(call, XenErrno.NoProcess, $"Domain {domid}", "");

    private static XenDomainInfo InfoOf(FakeDomain domain)
    {
        XenDomainInfo info = new()
        {
            DomId = (uint)domain.DomId,
            CpuTimeNanoseconds = domain.CpuTime,
            MaxPages = domain.MaxPages,
            TotalPages = domain.TotalPages,
            OnlineVcpus = 1,
            Flags = XenDomainFlags.Hvm | XenDomainFlags.Hap
                | (domain.IsDying ? XenDomainFlags.Dying : 0)
                | (domain.Pauses > 0 ? XenDomainFlags.Paused : 0)
                | (domain.ShutdownReason is null ? 0 : XenDomainFlags.Shutdown),
            ShutdownReason = domain.ShutdownReason ?? 0,
        };
        Convert.FromHexString(domain.Uuid).CopyTo((Span<byte>)info.Uuid);
        return info;
    }

    private void Run(FakeDomain domain)
    {
        if (domain.Runs)
        {
            domain.CpuTime++;

            // The guest now sees what it was asked while it stood still.
            Ask(ControlPath(domain), _store.GetValueOrDefault(ControlPath(domain), ""));
        }
    }

    private void Stop(FakeDomain domain, uint reason)
    {
        domain.ShutdownReason = reason;
        if (!domain.IsStoppedForStore)
        {
            domain.IsStoppedForStore = true;
            Fire("@releaseDomain");
        }
    }

    private void Forget(FakeDomain domain)
    {
        _domains.Remove(domain.DomId);
        Outputs.Forget(domain.DomId);
        RemoveTree(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domain.DomId}"));
        Fire("@releaseDomain");
    }

    private void RemoveTree(string path)
    {
        foreach (string node in _store.Keys.Where(node => node == path || node.StartsWith(path + "/", StringComparison.Ordinal)).ToArray())
        {
            _store.Remove(node);
            Fire(node);
        }
    }

    private void Put(string path, string value)
    {
        _store[path] = value;
        Fire(path);
        Ask(path, value);
    }

    private void Ask(string path, string value)
    {
        if (value != "suspend" || _domains.Values.FirstOrDefault(domain => path == ControlPath(domain)) is not { Runs: true } guest)
        {
            return;
        }

        switch (guest.Manner)
        {
            case GuestManner.Obeys:
                Put(path, "");
                Stop(guest, XenDomainInfo.ReasonSuspend);
                break;
            case GuestManner.Dawdles:
                Put(path, "");
                break;
            case GuestManner.Crashes:
                Stop(guest, 3);
                break;
            default:
                break;
        }
    }

    internal static string ControlPath(FakeDomain domain) =>
        string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domain.DomId}/control/shutdown");

    private void Fire(string path)
    {
        foreach (FakeWatch watch in _watches.Where(watch => watch.Paths.Contains(path) && !AreEventsLost))
        {
            watch.IsChanged = true;
        }

        Monitor.PulseAll(_gate);
    }
}

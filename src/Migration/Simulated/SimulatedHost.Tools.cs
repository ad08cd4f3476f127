using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Simulated;

/// <content>Tools that work on the host's domains: they can be killed, and the next one mends what a killed one left, by its
/// mark.</content>
public sealed partial class SimulatedHost
{
    /// <summary>Held for reading by whoever makes a call of a tool, and for writing by whoever kills it.</summary>
    private readonly ReaderWriterLockSlim _toolLife = new();

    /// <inheritdoc/>
    public void RequireUnclaimed(string name)
    {
        SimulatedDomain domain = GetDomain(name);
        lock (_lock)
        {
            RequireUnclaimed(domain);
        }
    }

    /// <inheritdoc/>
    public ISourceDomain OpenSource(string name) => Open(GetDomain(name), isReleased: false);

    /// <inheritdoc/>
    public ISourceDomain OpenLeft(string name)
    {
        SimulatedDomain domain = GetDomain(name);
        lock (_lock)
        {
            if (domain.IsOwned)
            {
                throw Busy(name);
            }

            if (domain.SourceMark != SourceMark.Leaving)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState, $"Domain {name} was not leaving: there is nothing to take back.", "Migrate it, or record it.", name);
            }

            LeftDomain.RequireNeverRan(name, Departure.Read(domain.NotedDeparture));
            if (_domains.GetValueOrDefault(name + IncomingSuffix) is { IncomingMark: not IncomingMark.Preparing } copy)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"Domain {name} has another copy on this host, {copy.Name}, which may have run: it is not woken.",
                    $"Look at {copy.Name}: where it is whole it is the domain. Only where it never ran, destroy that one first.",
                    name);
            }
        }

        return Open(domain, isReleased: true);
    }

    /// <inheritdoc/>
    public LeftDomain OpenLeaving(string name)
    {
        SimulatedDomain domain = GetDomain(name);
        lock (_lock)
        {
            RequireUnclaimed(domain);
            Departure departure = LeftDomain.Require(name, domain.SourceMark, Departure.Read(domain.NotedDeparture));
            domain.IsOwned = true;
            SimulatedSourceDomain left = new(this, domain, wasLeft: true);
            return new LeftDomain(left, departure, left.AdoptPlug());
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<LeftBehind> GetLeftBehind()
    {
        lock (_lock)
        {
            return
            [
                .. _domains.Values
                    .Where(domain => domain is { IsOwned: false, SourceMark: not null })
                    .OrderBy(domain => domain.Name, StringComparer.Ordinal)
                    .Select(domain => new LeftBehind(domain.Name, domain.SourceMark!.Value, Departure.Read(domain.NotedDeparture))),
            ];
        }
    }

    /// <inheritdoc/>
    public void SweepArrivals()
    {
        SimulatedDomain[] left;
        lock (_lock)
        {
            left = [.. _domains.Values.Where(domain => domain is { IsOwned: false, IncomingMark: IncomingMark.Preparing })];
        }

        Array.ForEach(left, TakeDown);
    }

    /// <inheritdoc/>
    public bool HasTakenDown(Func<ReadOnlyMemory<byte>, bool> which)
    {
        byte[][] kept;
        lock (_lock)
        {
            kept = [.. _takenDown];
        }

        return Array.Exists(kept, journal => which(journal));
    }

    /// <summary>
    /// Kills the tool that works on this host's domains, at this moment and without any of its cleaning up: whatever it does
    /// from here on fails, and its domains stay as they are, with what was noted of them. Whoever opens one next mends it.
    /// </summary>
    public void KillTool()
    {
        _toolLife.EnterWriteLock();
        try
        {
            EndTool();
        }
        finally
        {
            _toolLife.ExitWriteLock();
        }
    }

    private void EndTool()
    {
        lock (_lock)
        {
            Tool++;
            foreach (SimulatedDomain domain in _domains.Values)
            {
                domain.IsOwned = false;
                domain.KillPaging();
            }
        }
    }

    /// <inheritdoc/>
    public LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which)
    {
        ArgumentNullException.ThrowIfNull(which);
        Faults.Enter(SimulatedCall.OpenArrival);
        SimulatedDomain? found;
        DomainDescription? description = null;
        lock (_lock)
        {
            found = _domains.Values.FirstOrDefault(domain => domain is { IncomingMark: not null, Journal: not null } && (description = which(domain.Journal)) is not null);
            if (found is null)
            {
                return null;
            }

            if (found.IsOwned)
            {
                throw Busy(found.Name);
            }

            found.IsOwned = true;
        }

        if (found.IncomingMark != IncomingMark.Preparing)
        {
            found.Pause();
        }

        return new LeftArrival(new SimulatedIncomingDomain(this, found, description!.Name, wasLeft: true), found.IncomingMark!.Value);
    }

    /// <summary>Which tool works here now; handles of an earlier one are dead.</summary>
    internal int Tool { get; private set; }

    /// <summary>Has a call's effect, unless the tool that makes it was killed.</summary>
    internal void WhileToolLives(int tool, Action effect)
    {
        _toolLife.EnterReadLock();
        try
        {
            RequireTool(tool);
            effect();
        }
        finally
        {
            _toolLife.ExitReadLock();
        }
    }

    internal void RequireTool(int tool)
    {
        if (tool != Tool)
        {
            throw new InvalidOperationException($"The tool that worked on host {Name} was killed.");
        }
    }

    internal void Disown(SimulatedDomain domain, int tool)
    {
        lock (_lock)
        {
            if (tool == Tool)
            {
                domain.IsOwned = false;
            }
        }
    }

    private SimulatedSourceDomain Open(SimulatedDomain domain, bool isReleased)
    {
        string name = domain.Name;
        Mend(domain, isReleased);
        lock (_lock)
        {
            RequireUnclaimed(domain);
            if (domain.State != DomainState.Running)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState, $"Domain {name} is {domain.State}, not running.", "Let it run first.", name);
            }

            CheckVcpus(name, domain.Options.VcpuCount);
            domain.IsOwned = true;
            domain.SourceMark = SourceMark.Running;
            return Options.SupportsInPlaceRollback
                ? new SimulatedCheckpointedDomain(this, domain)
                : new SimulatedSourceDomain(this, domain);
        }
    }

    /// <summary>Does with a domain whose tool is dead what was noted of it.</summary>
    private void Mend(SimulatedDomain domain, bool isReleased)
    {
        SourceMark? mark;
        lock (_lock)
        {
            if (domain.IsOwned || domain.SourceMark is null)
            {
                return;
            }

            mark = domain.SourceMark;
            if (mark == SourceMark.Leaving && !isReleased)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainState,
                    $"Domain {domain.Name} was leaving when its tool ended: it stands still here, and may run at its destination, {Departure.Read(domain.NotedDeparture)?.Destination ?? "of which nothing is noted"}.",
                    $"Resume-Migration {domain.Name} -TakeOver -HostName {Name} -Destination PLACE goes on with its migration. Only where it certainly does not run there: Stop-Migration {domain.Name} -NeverRanThere -HostName {Name}.",
                    domain.Name);
            }

            domain.IsOwned = true;
        }

        try
        {
            if (mark == SourceMark.Destroying)
            {
                domain.End();
                Remove(domain);
                Departure.Read(domain.NotedDeparture)?.DeleteOriginals();
                throw new MigrationException(
                    MigrationErrorId.DomainNotFound, $"Domain {domain.Name} had moved; what was left of it here is destroyed now.",
                    "It runs at its destination.", domain.Name);
            }

            domain.RemoveLeftTraps();
            if (mark is SourceMark.Stopped or SourceMark.Leaving)
            {
                domain.Resume();
            }

            Departure.Read(domain.NotedDeparture)?.DeleteOriginals();

            domain.SourceMark = null;
        }
        finally
        {
            domain.IsOwned = false;
        }
    }

    /// <summary>Takes down what a dead tool left under a provisional name: only what has never run.</summary>
    private void SweepIncoming(string name)
    {
        SimulatedDomain? left;
        lock (_lock)
        {
            left = _domains.GetValueOrDefault(name);
            if (left is null)
            {
                return;
            }

            if (left.IsOwned || left.IncomingMark != IncomingMark.Preparing)
            {
                throw Exists(name);
            }
        }

        TakeDown(left);
    }

    /// <summary>Takes down what never ran. Its source may come back, and hears so.</summary>
    private void TakeDown(SimulatedDomain domain)
    {
        lock (_lock)
        {
            if (domain.Journal is { } journal)
            {
                _takenDown.Add(journal);
            }
        }

        domain.End();
        Remove(domain);
    }

    /// <summary>Refuses a domain that a tool works on. Call it with the lock held.</summary>
    private static void RequireUnclaimed(SimulatedDomain domain)
    {
        if (domain.IsOwned || domain.IsPaging)
        {
            throw Busy(domain.Name);
        }
    }

    private static MigrationException Busy(string name) => new(
        MigrationErrorId.DomainBusy, $"Another recording or migration works on '{name}'.", "Wait for it, or stop it.", name);
}

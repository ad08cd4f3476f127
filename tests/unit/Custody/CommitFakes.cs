using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Custody;

/// <summary>A hypervisor whose calls fail on demand.</summary>
internal sealed class FaultyCalls
{
    private Outcome _outcome;

    /// <summary>How many calls were made in this step.</summary>
    public int Count { get; private set; }

    public void Begin(Outcome outcome) => (_outcome, Count) = (outcome, 0);

    public void Call(Action effect)
    {
        Count++;
        bool fails = _outcome.At > 0 && (Count == _outcome.At || (_outcome.ForGood && Count > _outcome.At));
        if (!fails || _outcome.TakesEffect)
        {
            effect();
        }

        if (fails)
        {
            throw new MigrationException(MigrationErrorId.HypervisorCall, $"Call {Count} was made to fail.", "None.");
        }
    }
}

/// <summary>The domain at its source. Its state outlives the tool.</summary>
internal sealed class FakeSource(FaultyCalls calls) : ISourceDomain
{
    public bool Runs { get; private set; } = true;

    public bool IsGone { get; private set; }

    public SourceMark? Noted { get; private set; } = SourceMark.Running;

    public DomainInfo Info => new("d", 1, "source", DomainState.Running, DomainKind.Simulated, 1, 1, Page.Size);

    public IGuestMemory Memory => throw new NotSupportedException();

    public bool HasUnseenWriters => false;

    public bool HasWriteWitness => false;

    public TimeSpan AskTime => TimeSpan.Zero;

    /// <summary>Opens the domain as the next tool does, by the table of <see cref="PreRecordMigration.Custody.SourceHolding"/>.</summary>
    /// <returns>Whether the domain could be opened.</returns>
    public bool Open()
    {
        switch (Noted)
        {
            case SourceMark.Leaving:
                return false;
            case SourceMark.Destroying:
                (Runs, IsGone, Noted) = (false, true, null);
                return false;
            case SourceMark.Stopped:
                Runs = true;
                break;
        }

        Noted = null;
        return true;
    }

    public void Mark(SourceMark? mark, Departure? departure = null) => calls.Call(() => Noted = mark);

    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken) => calls.Call(() => Runs = false);

    public void Pause() => calls.Call(() => Runs = false);

    public void Resume() => calls.Call(() => Runs = !IsGone);

    public void Destroy() => calls.Call(() => (Runs, IsGone) = (false, true));

    public void RequireUnchanged(DomainDescription announced)
    {
        // The domain never changes.
    }

    public void Dispose() => calls.Call(() => { });

    public PageBitmap GetPopulatedPages() => throw new NotSupportedException();

    public DomainDescription Describe() => throw new NotSupportedException();

    public IOutputPlug PlugOutputs(OutputLimits limits) => throw new NotSupportedException();

    public void RunFor(TimeSpan duration, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAccessRecorder StartRecording(PageBackup? backups) => throw new NotSupportedException();

    public IDirtyTracker StartDirtyTracking() => throw new NotSupportedException();

    public CoreState CaptureCoreState(PageBitmap populated) => throw new NotSupportedException();
}

/// <summary>The domain at its destination, and the host that makes it. Its state outlives the tool.</summary>
internal sealed class FakeDestination(FaultyCalls calls) : IMigrationHost, IIncomingDomain
{
    public bool Exists { get; private set; }

    public bool Runs { get; private set; }

    public bool HasEverRun { get; private set; }

    public bool IsNamed { get; private set; }

    public IncomingMark? Noted { get; private set; }

    public FakePaging Paging { get; } = new(calls);

    public bool HasRun
    {
        get
        {
            bool has = false;
            calls.Call(() => has = HasEverRun);
            return has;
        }
    }

    public string Name => "destination";

    public string Hypervisor => "fake";

    public long FreeMemoryBytes => 0;

    public DomainInfo Info => new(IsNamed ? "d" : "d--incoming", 2, Name, DomainState.Paused, DomainKind.Simulated, 1, 1, Page.Size);

    public IGuestMemory Memory => throw new NotSupportedException();

    public bool IsTouchedByRestore => false;

    public TimeSpan ToolstackTime => TimeSpan.Zero;

    /// <summary>Opens the domain as the next tool does, by the table of <see cref="PreRecordMigration.Custody.IncomingHolding"/>.</summary>
    public void Open()
    {
        if (Noted == IncomingMark.Preparing)
        {
            (Exists, Runs, Noted) = (false, false, null);
        }
    }

    public void RequireIsolableOutputs(string name) => throw new NotSupportedException();

    public void RequireTrappable(string name) => throw new NotSupportedException();

    public DomainDescription Announce(string name) => throw new NotSupportedException();

    public AdmissionVerdict Judge(DomainDescription description) => throw new NotSupportedException();

    public void RequireUnclaimed(string name) => throw new NotSupportedException();

    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        // A host that fails to make a domain leaves none behind, so a failure after the effect is the same as one before it.
        calls.Call(() => { });
        (Exists, Noted) = (true, IncomingMark.Preparing);
        return this;
    }

    public IRemotePaging EnableRemotePF()
    {
        calls.Call(() => { });
        return Paging;
    }

    public void Mark(IncomingMark? mark, string? source = null) => calls.Call(() => Noted = mark);

    public void Keep(ReadOnlyMemory<byte> journal) => calls.Call(() => { });

    public LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which) => throw new NotSupportedException();

    public void Restore(CoreState core, CancellationToken cancellationToken) => calls.Call(() => { });

    public void Unpause() => calls.Call(() => (Runs, HasEverRun) = (Exists, true));

    public void Pause() => calls.Call(() => Runs = false);

    public void Complete() => calls.Call(() => IsNamed = true);

    public void Destroy() => calls.Call(() => (Exists, Runs) = (false, false));

    public void Dispose() => calls.Call(() => { });

    public CapabilityReport GetCapabilities() => throw new NotSupportedException();

    public CapabilityReport GetCapabilities(DomainKind kind) => throw new NotSupportedException();

    public CapabilityReport Examine() => throw new NotSupportedException();

    public IReadOnlyList<DomainInfo> GetDomains() => throw new NotSupportedException();

    public ISourceDomain OpenSource(string name) => throw new NotSupportedException();

    public ISourceDomain OpenLeft(string name) => throw new NotSupportedException();

    public LeftDomain OpenLeaving(string name) => throw new NotSupportedException();

    public IReadOnlyList<LeftBehind> GetLeftBehind() => throw new NotSupportedException();

    public bool HasTakenDown(Func<ReadOnlyMemory<byte>, bool> which) => throw new NotSupportedException();

    public void SweepArrivals() => throw new NotSupportedException();
}

/// <summary>RemotePF of a domain with one page.</summary>
internal sealed class FakePaging(FaultyCalls calls) : IRemotePaging
{
    public PageBitmap Missing { get; } = new(1);

    public void TakeAway(PageBitmap pages) => calls.Call(() => Missing.TrySet(0));

    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => Missing.TryClear(0);

    public void Disable() => calls.Call(() => { });

    public void Dispose() => calls.Call(() => { });
}

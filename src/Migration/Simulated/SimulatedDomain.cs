using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>A domain of a simulated host: a deterministic guest that checks itself, with a thread for each vCPU.</summary>
/// <remarks>
/// <para>Public members look at a domain, or drive one directly in a test. Migrations go through
/// <see cref="IMigrationHost"/>.</para>
/// <para>One lock protects everything but the guest's accesses themselves. Traps are set at safepoints only: all vCPUs at an
/// operation's boundary, or waiting outside of an access.</para>
/// </remarks>
[SuppressMessage(
    "Design", "CA1001", Justification = "Recorder, tracker and paging belong to their callers; the domain only knows them.")]
public sealed partial class SimulatedDomain
{
    private const int UnpacedSlice = 4096;
    private static readonly TimeSpan s_pacedSlice = TimeSpan.FromMilliseconds(2);
    private readonly object _gate = new();
    private readonly GuestLayout _layout;
    private readonly GuestPages _pages;
    private readonly IGuestWorkload _workload;
    private readonly int[] _sharedInfoPfns;
    private Vcpu[] _vcpus;
    private volatile bool _attention = true;
    private int _safepoints;
    private bool _isSuspending;
    private readonly bool _isFree;
    private bool _isDying;

    internal SimulatedDomain(
        SimulatedHost host, int id, string name, Guid identity, SimulatedDomainOptions options, GuestImage image, bool isFree)
    {
        Host = host;
        Id = id;
        Name = name;
        Identity = identity;
        Options = options;
        _layout = new GuestLayout(options);
        _pages = image.Pages;
        _pages.Handler = new TrapHandler(this);
        _workload = GuestWorkloads.Create(options);
        Disk = SimulatedDisk.Attach(identity);
        Outputs = new OutputPath(host.Emit, Disk, violation => host.ReportViolation($"{Name}: {violation}"));
        _sharedInfoPfns = image.SharedInfoPfns;
        _isFree = isFree;
        _vcpus = [.. image.Contexts.Select((context, index) => new Vcpu(index, context))];
        State = DomainState.Paused;
        Memory = new SimulatedMemory(this, _pages);
    }

    /// <summary>Its name; provisional while it comes in.</summary>
    public string Name { get; internal set; }

    /// <summary>What it was made of.</summary>
    public SimulatedDomainOptions Options { get; }

    /// <summary>What it does.</summary>
    public DomainState State { get; private set; }

    /// <summary>Its memory, as the hypervisor sees it.</summary>
    public IGuestMemory Memory { get; }

    /// <summary>Which page frames exist.</summary>
    public PageBitmap PopulatedPages => _pages.Populated.Clone();

    /// <summary>How much memory its pages take of this process, in bytes: zeros that nobody has written to take none.</summary>
    public long OccupiedBytes => (long)_pages.OwnPages * Page.Size;

    /// <summary>How many pages are trapped: recorded, tracked, or missing. None once everything has let go of the domain.</summary>
    public int TrappedPages => _pages.Populated.Pfns().Count(pfn => _pages.TrapsOf(pfn) != Guest.PageTraps.None);

    /// <summary>The pages that the hypervisor writes without a fault: one a vCPU.</summary>
    public IReadOnlyList<int> SharedInfoPfns => _sharedInfoPfns;

    /// <summary>Operations done so far, by vCPU.</summary>
    public IReadOnlyList<long> Operations => [.. _vcpus.Select(vcpu => vcpu.Context.Operations)];

    /// <summary>Operations done so far, by all vCPUs.</summary>
    internal long OperationsDone => _vcpus.Sum(vcpu => vcpu.Context.Operations);

    /// <summary>How many wrong contents the guest has seen. It sees a wrong byte in any page it reads.</summary>
    public long CheckErrors => _vcpus.Sum(vcpu => Volatile.Read(ref vcpu.Context.CheckErrors));

    /// <summary>How often a vCPU had to wait for a missing page.</summary>
    public long MissingPageFaults => Volatile.Read(ref _missingPageFaults);

    /// <summary>The domain as it is now.</summary>
    public DomainInfo Info => new(
        Name, Id, Host.Name, State, DomainKind.Simulated, _layout.VcpuCount, _layout.PageCount, Options.MemoryBytes);

    /// <summary>Its disk, which every host of this process reaches.</summary>
    internal SimulatedDisk Disk { get; }

    /// <summary>The same guest wherever it is: copies that a migration makes share it.</summary>
    internal Guid Identity { get; }

    internal int Id { get; }

    internal SimulatedHost Host { get; }

    internal GuestLayout Layout => _layout;

    /// <summary>Whether a migration's handle owns the domain. Under the host's lock.</summary>
    internal bool IsOwned { get; set; }

    /// <summary>Runs every vCPU an exact number of operations further and returns when all have done them.</summary>
    /// <param name="count">Operations for each vCPU.</param>
    /// <param name="cancellationToken">Stops the guest where it is.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: the domain does not run; or the
    /// reason why a vCPU is held, such as <see cref="MigrationErrorId.BackupStoreFull"/>.</exception>
    /// <remarks>Returns early where nearly as much of its outputs is held back as can be. A guest that runs free is not stopped: it has done at least so many when this returns. A guest that stops at
    /// <see cref="SimulatedDomainOptions.StopAtOperations"/> is not driven past it.</remarks>
    public void RunOperations(long count, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        long[] goals = [];
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(_ => Wake(), null);
        lock (_gate)
        {
            RequireState("run", DomainState.Running);
            goals = [.. _vcpus.Select(vcpu => Math.Min(vcpu.Context.Operations + count, Options.StopAtOperations ?? long.MaxValue))];
            foreach (Vcpu vcpu in _vcpus)
            {
                vcpu.Target = goals[vcpu.Index];
            }

            Monitor.PulseAll(_gate);
            while (!_vcpus.All(vcpu => vcpu.Context.Operations >= goals[vcpu.Index] && (_isFree || !vcpu.IsInGuest)))
            {
                if (cancellationToken.IsCancellationRequested || _heldError is not null || State != DomainState.Running || Outputs.IsNearlyFull)
                {
                    AtSafepoint(() =>
                    {
                        foreach (Vcpu vcpu in _vcpus)
                        {
                            vcpu.Target = vcpu.Context.Operations;
                        }
                    });
                    cancellationToken.ThrowIfCancellationRequested();
                    ThrowIfHeld();
                    RequireState("run", DomainState.Running);
                    return;
                }

                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Waits until every vCPU has done a number of operations in all.</summary>
    /// <param name="count">Operations from the guest's start.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public void WaitForOperations(long count, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(_ => Wake(), null);
        lock (_gate)
        {
            while (_vcpus.Any(vcpu => vcpu.Context.Operations < count))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_isDying)
                {
                    throw StateError("waited for", "It was destroyed.");
                }

                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>The memory that this guest must have after as many operations as it has done now.</summary>
    /// <remarks>Exact where the domain is not running.</remarks>
    public IGuestMemory ReferenceMemory() => SimulatedReference.MemoryAt(Options, Operations);

    /// <summary>What is noted for the next tool while it is a source.</summary>
    internal SourceMark? SourceMark { get; set; }

    /// <summary>What is noted for the next tool while it comes in.</summary>
    internal IncomingMark? IncomingMark { get; set; }

    /// <summary>What is kept for the tool that takes its migration over, while it comes in.</summary>
    internal byte[]? Journal { get; set; }

    /// <summary>Where it comes from, as it is noted while it comes in.</summary>
    internal string? NotedSource { get; set; }

    /// <summary>Where it goes and how its migration is taken over, as it is noted beside the mark.</summary>
    internal string? NotedDeparture { get; set; }

    /// <summary>Whether it has ever been let run.</summary>
    internal bool HasRun { get; private set; }

    internal void Pause()
    {
        lock (_gate)
        {
            if (State == DomainState.Running)
            {
                SetState(DomainState.Paused);
                AwaitNoAccess();
            }
        }
    }

    internal void Resume()
    {
        lock (_gate)
        {
            RequireState("resumed", DomainState.Running, DomainState.Paused, DomainState.Suspended);
            foreach (Vcpu vcpu in _vcpus)
            {
                vcpu.Thread ??= StartThread(vcpu);
            }

            SetState(DomainState.Running);
        }
    }

    /// <summary>What the next tool does with traps and held outputs whose owner is dead: the domain is left as it stands.</summary>
    internal void RemoveLeftTraps()
    {
        if (_recorder is { } recorder)
        {
            StopRecording(recorder);
        }

        if (_dirtyTracker is { } tracker)
        {
            StopDirtyTracking(tracker);
        }

        Outputs.DecideLeft(release: true);
        FollowOutputs();
    }

    internal void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        long deadline = Stopwatch.GetTimestamp() + (long)(timeout.TotalSeconds * Stopwatch.Frequency);
        using CancellationTokenRegistration wake = cancellationToken.UnsafeRegister(_ => Wake(), null);
        lock (_gate)
        {
            if (State == DomainState.Suspended)
            {
                return;
            }

            RequireState("suspended", DomainState.Running);
            if (Options.RefusesSuspend)
            {
                throw SuspendTimeout(timeout);
            }

            _isSuspending = true;
            UpdateAttention();
            try
            {
                while (_vcpus.Any(vcpu => vcpu.IsInGuest))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
                    if (left <= TimeSpan.Zero)
                    {
                        throw SuspendTimeout(timeout);
                    }

                    Monitor.Wait(_gate, left);
                }

                SetState(DomainState.Suspended);
            }
            finally
            {
                _isSuspending = false;
                UpdateAttention();
            }
        }
    }

    /// <summary>Ends the domain: its threads are gone when this returns.</summary>
    internal void End()
    {
        lock (_gate)
        {
            if (_isDying)
            {
                return;
            }

            _isDying = true;
            SetState(DomainState.Dying);
        }

        foreach (Vcpu vcpu in _vcpus)
        {
            vcpu.Thread?.Join();
        }

        Outputs.DecideLeft(release: false);
        Disk.Detach();
    }

    private void SetState(DomainState state)
    {
        State = state;
        UpdateAttention();
        if (state == DomainState.Running)
        {
            HasRun = true;
            RunnableCopies.Enter(this);
        }
        else
        {
            RunnableCopies.Leave(this);
        }
    }

    private MigrationException SuspendTimeout(TimeSpan timeout) => new(
        MigrationErrorId.SuspendTimeout,
        $"The guest of domain {Name} did not suspend within {timeout.TotalSeconds:0.###} s; it runs on.",
        "Check that the guest answers suspend requests, or allow it more time.", Name);

    private void RequireState(string verb, params ReadOnlySpan<DomainState> allowed)
    {
        if (!allowed.Contains(State))
        {
            throw StateError(verb, $"It is {State}.");
        }
    }

    private MigrationException StateError(string verb, string reason) => new(
        MigrationErrorId.DomainState, $"Domain {Name} cannot be {verb}: {reason}",
        "Look at the domain's state, and at what else works on it.", Name);
}

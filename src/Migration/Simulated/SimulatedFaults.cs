using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Simulated;

/// <summary>The calls of a simulated host that can be made to fail.</summary>
public enum SimulatedCall
{
    /// <summary><see cref="IGuestMemory.Read"/>.</summary>
    Read,

    /// <summary><see cref="IGuestMemory.Write"/>.</summary>
    Write,

    /// <summary><see cref="ISourceDomain.PlugOutputs"/>.</summary>
    PlugOutputs,

    /// <summary><see cref="ISourceDomain.Suspend"/>.</summary>
    Suspend,

    /// <summary><see cref="ISourceDomain.Pause"/>.</summary>
    Pause,

    /// <summary><see cref="ISourceDomain.Resume"/>.</summary>
    Resume,

    /// <summary><see cref="ISourceDomain.RunFor"/>.</summary>
    RunFor,

    /// <summary><see cref="ISourceDomain.StartRecording"/>.</summary>
    StartRecording,

    /// <summary><see cref="IAccessRecorder.BeginEpoch"/>.</summary>
    BeginEpoch,

    /// <summary><see cref="ISourceDomain.StartDirtyTracking"/>.</summary>
    StartDirtyTracking,

    /// <summary><see cref="IDirtyTracker.Collect"/>.</summary>
    Collect,

    /// <summary><see cref="ISourceDomain.CaptureCoreState"/>.</summary>
    CaptureCoreState,

    /// <summary><see cref="ISourceDomain.Destroy"/>.</summary>
    DestroySource,

    /// <summary><see cref="ISourceDomain.RequireUnchanged"/>.</summary>
    RequireUnchanged,

    /// <summary><see cref="ISourceDomain.Mark"/>.</summary>
    MarkSource,

    /// <summary><see cref="IIncomingDomain.Mark"/>.</summary>
    MarkIncoming,

    /// <summary><see cref="IIncomingDomain.HasRun"/>.</summary>
    HasRun,

    /// <summary><see cref="IMigrationHost.CreateIncoming"/>.</summary>
    CreateIncoming,

    /// <summary><see cref="IIncomingDomain.EnableRemotePF"/>.</summary>
    EnableRemotePF,

    /// <summary><see cref="IIncomingDomain.Restore"/>.</summary>
    Restore,

    /// <summary><see cref="IIncomingDomain.Unpause"/>.</summary>
    Unpause,

    /// <summary><see cref="IIncomingDomain.Pause"/>.</summary>
    PauseIncoming,

    /// <summary><see cref="IIncomingDomain.Destroy"/>.</summary>
    DestroyIncoming,

    /// <summary><see cref="IIncomingDomain.Complete"/>.</summary>
    Complete,

    /// <summary><see cref="IRemotePaging.WaitFault"/>.</summary>
    WaitFault,

    /// <summary><see cref="IRemotePaging.Place"/>.</summary>
    Place,

    /// <summary><see cref="IRemotePaging.Disable"/>.</summary>
    DisableRemotePF,
}

/// <summary>Faults injected into a simulated host: what happens instead of, or just before, its n-th call of a kind.</summary>
/// <remarks>Safe for several threads. The action runs on the calling thread, before the call has any effect.</remarks>
public sealed class SimulatedFaults
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SimulatedCall, long> _counts = [];
    private readonly Dictionary<(SimulatedCall Call, long Number), Action> _actions = [];

    /// <summary>How many calls of a kind were made.</summary>
    public long CountOf(SimulatedCall call)
    {
        lock (_lock)
        {
            return _counts.GetValueOrDefault(call);
        }
    }

    /// <summary>Makes a coming call fail.</summary>
    /// <param name="call">Which kind.</param>
    /// <param name="number">Which of the calls from now on: 1 is the next.</param>
    /// <param name="error">What it throws.</param>
    public void Fail(SimulatedCall call, long number, MigrationException error) =>
        Before(call, number, () => throw error);

    /// <summary>Makes a coming call fail as a refusal of the hypervisor.</summary>
    public void Fail(SimulatedCall call, long number = 1) =>
        Fail(call, number, new MigrationException(
            MigrationErrorId.HypervisorCall, $"The simulated call {call} was made to fail.", "This failure was injected; remove it."));

    /// <summary>Does something just before a coming call, such as cutting a connection.</summary>
    public void Before(SimulatedCall call, long number, Action action)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(number);
        lock (_lock)
        {
            _actions[(call, _counts.GetValueOrDefault(call) + number)] = action;
        }
    }

    internal void Enter(SimulatedCall call)
    {
        Action? action;
        lock (_lock)
        {
            long number = _counts[call] = _counts.GetValueOrDefault(call) + 1;
            _actions.Remove((call, number), out action);
        }

        action?.Invoke();
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

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

    /// <summary><see cref="IOutputPlug.Prepare"/>.</summary>
    PrepareOutputs,

    /// <summary><see cref="IOutputPlug.Hold"/>.</summary>
    HoldOutputs,

    /// <summary><see cref="IOutputPlug.SetAside"/>.</summary>
    SetOutputsAside,

    /// <summary><see cref="IOutputPlug.Release"/>.</summary>
    ReleaseOutputs,

    /// <summary><see cref="IOutputPlug.Drop"/>.</summary>
    DropOutputs,

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

    /// <summary><see cref="IIncomingDomain.Keep"/>.</summary>
    Keep,

    /// <summary><see cref="IMigrationHost.OpenArrival"/>.</summary>
    OpenArrival,

    /// <summary><see cref="IMigrationHost.CreateIncoming"/>.</summary>
    CreateIncoming,

    /// <summary><see cref="IIncomingDomain.EnableRemotePF"/>.</summary>
    EnableRemotePF,

    /// <summary><see cref="IRemotePaging.TakeAway"/>.</summary>
    TakeAway,

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

/// <summary>Faults injected into a simulated host: what happens instead of, just before, or just after its n-th call of a kind.</summary>
/// <remarks>Safe for several threads. The action runs on the calling thread.</remarks>
public sealed class SimulatedFaults
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SimulatedCall, long> _counts = [];
    private readonly Dictionary<(SimulatedCall Call, long Number), Action> _actions = [];
    private readonly Dictionary<(SimulatedCall Call, long Number), Action> _afterwards = [];

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

    /// <summary>Makes a coming call take effect and report a failure all the same. Calls that change what a domain does can.</summary>
    public void FailAfter(SimulatedCall call, long number = 1) => After(call, number, () => throw new MigrationException(
        MigrationErrorId.HypervisorCall,
        $"The simulated call {call} took effect and was made to report a failure.",
        "This failure was injected; remove it."));

    /// <summary>Does something just before a coming call, such as cutting a connection.</summary>
    public void Before(SimulatedCall call, long number, Action action) => Plan(_actions, call, number, action);

    /// <summary>Does something just after a coming call has had its effect. Calls that change what a domain does can.</summary>
    public void After(SimulatedCall call, long number, Action action) => Plan(_afterwards, call, number, action);

    /// <returns>The call's number, for <see cref="Leave"/>.</returns>
    internal long Enter(SimulatedCall call)
    {
        Action? action;
        long number;
        lock (_lock)
        {
            number = _counts[call] = _counts.GetValueOrDefault(call) + 1;
            _actions.Remove((call, number), out action);
        }

        action?.Invoke();
        return number;
    }

    internal void Leave(SimulatedCall call, long number)
    {
        Action? action;
        lock (_lock)
        {
            _afterwards.Remove((call, number), out action);
        }

        action?.Invoke();
    }

    private void Plan(Dictionary<(SimulatedCall Call, long Number), Action> plan, SimulatedCall call, long number, Action action)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(number);
        lock (_lock)
        {
            plan[(call, _counts.GetValueOrDefault(call) + number)] = action;
        }
    }
}

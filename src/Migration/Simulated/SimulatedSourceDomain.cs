using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated;

/// <summary>A simulated domain as the source of a migration: the owner's handle.</summary>
/// <param name="host">Where it is.</param>
/// <param name="domain">The domain.</param>
/// <param name="wasLeft">Whether it may have traps of a tool that was killed, which go before it runs.</param>
internal class SimulatedSourceDomain(SimulatedHost host, SimulatedDomain domain, bool wasLeft = false) : ISourceDomain
{
    private readonly int _tool = host.Tool;
    private bool _isDisposed;

    public DomainInfo Info { get; } = domain.Info;

    public IGuestMemory Memory => domain.Memory;

    public bool HasUnseenWriters => false;

    public bool HasWriteWitness => host.GetCapabilities()[MigrationCapability.DirtyTracking].IsAvailable;

    private protected SimulatedDomain Domain => domain;

    public PageBitmap GetPopulatedPages() => domain.PopulatedPages;

    public DomainDescription Describe() => new(
        domain.Name,
        DomainKind.Simulated,
        domain.Layout.PageCount,
        domain.Layout.Populated,
        domain.Layout.VcpuCount,
        DomainConfiguration.Write(domain.Identity, domain.Options));

    public void RequireUnchanged(DomainDescription announced)
    {
        Enter(SimulatedCall.RequireUnchanged);
        if (!Describe().Configuration.Span.SequenceEqual(announced.Configuration.Span))
        {
            throw new MigrationException(
                MigrationErrorId.DomainChanged, $"Domain {domain.Name} is not what it was when the migration began.",
                "Start the migration again once nobody changes the domain.", domain.Name);
        }
    }

    public void Mark(SourceMark? mark, Departure? departure = null)
    {
        Enter(SimulatedCall.MarkSource);
        (domain.SourceMark, domain.NotedDeparture) = (mark, departure?.ToString());
    }

    public IOutputPlug PlugOutputs(OutputLimits limits)
    {
        Enter(SimulatedCall.PlugOutputs);
        host.RequireIsolableOutputs(domain.Name);
        return domain.Outputs.Insert(limits, DoPlug);
    }

    /// <summary>What another tool holds back that was killed; null where it held nothing back.</summary>
    internal IOutputPlug? AdoptPlug() => domain.Outputs.Adopt(DoPlug);

    public TimeSpan AskTime => TimeSpan.Zero;

    public void Suspend(TimeSpan timeout, CancellationToken cancellationToken)
    {
        long number = Enter(SimulatedCall.Suspend);
        domain.Suspend(timeout, cancellationToken);
        host.Faults.Leave(SimulatedCall.Suspend, number);
    }

    public void Pause()
    {
        long number = Enter(SimulatedCall.Pause);
        domain.Pause();
        host.Faults.Leave(SimulatedCall.Pause, number);
    }

    public void Resume()
    {
        long number = Enter(SimulatedCall.Resume);
        if (wasLeft)
        {
            domain.RemoveLeftTraps();
        }

        domain.Resume();
        host.Faults.Leave(SimulatedCall.Resume, number);
    }

    public void RunFor(TimeSpan duration, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(duration.Ticks, nameof(duration));
        Enter(SimulatedCall.RunFor);
        Int128 operations = (Int128)duration.Ticks * domain.Options.OperationsPerSecond / TimeSpan.TicksPerSecond;
        domain.RunOperations((long)operations, cancellationToken);
    }

    public IAccessRecorder StartRecording(PageBackup? backups)
    {
        Enter(SimulatedCall.StartRecording);
        host.GetCapabilities().Require(MigrationCapability.Recording);
        if (backups is not null)
        {
            host.GetCapabilities().Require(MigrationCapability.Rollback);
        }

        return domain.StartRecording(backups);
    }

    public IDirtyTracker StartDirtyTracking()
    {
        Enter(SimulatedCall.StartDirtyTracking);
        host.GetCapabilities().Require(MigrationCapability.DirtyTracking);
        return domain.StartDirtyTracking();
    }

    public CoreState CaptureCoreState(PageBitmap populated)
    {
        Enter(SimulatedCall.CaptureCoreState);
        return domain.CaptureCoreState();
    }

    public void Destroy()
    {
        long number = Enter(SimulatedCall.DestroySource);
        domain.End();
        host.Remove(domain);
        host.Faults.Leave(SimulatedCall.DestroySource, number);
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        host.Disown(domain, _tool);
    }

    private void DoPlug(SimulatedCall call, Action effect)
    {
        long number = Enter(call);
        host.WhileToolLives(_tool, effect);
        domain.FollowOutputs();
        host.Faults.Leave(call, number);
    }

    private long Enter(SimulatedCall call)
    {
        CheckUsable();
        return host.Faults.Enter(call);
    }

    private protected void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        host.RequireTool(_tool);
    }
}

/// <summary>A simulated domain that can also go back to its checkpoint in place.</summary>
internal sealed class SimulatedCheckpointedDomain(SimulatedHost host, SimulatedDomain domain)
    : SimulatedSourceDomain(host, domain), ICheckpointedDomain
{
    public void RestoreCoreState(CoreState checkpoint)
    {
        CheckUsable();
        Domain.RewindVcpus(GuestState.Load(checkpoint, Domain.Layout, Domain.Populated, Domain.Name).Contexts);
    }
}

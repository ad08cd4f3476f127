using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A host that makes an incoming domain, or restores its core state, until it is told to give up.</summary>
/// <param name="host">The host behind it.</param>
/// <param name="waitsAtCreation">Whether making it takes for ever; else restoring it does.</param>
internal sealed class WaitingHost(IMigrationHost host, bool waitsAtCreation) : IMigrationHost
{
    /// <summary>Set once it waits.</summary>
    public ManualResetEventSlim IsAtWork { get; } = new();

    private bool WaitsAtCreation { get; } = waitsAtCreation;

    public string Name => host.Name;

    public string Hypervisor => host.Hypervisor;

    public long FreeMemoryBytes => host.FreeMemoryBytes;

    public CapabilityReport GetCapabilities() => host.GetCapabilities();

    public CapabilityReport GetCapabilities(DomainKind kind) => host.GetCapabilities(kind);

    public CapabilityReport Examine() => host.Examine();

    public IReadOnlyList<DomainInfo> GetDomains() => host.GetDomains();

    public void RequireIsolableOutputs(string name) => host.RequireIsolableOutputs(name);

    public DomainDescription Announce(string name) => host.Announce(name);

    public AdmissionVerdict Judge(DomainDescription description) => host.Judge(description);

    public void RequireUnclaimed(string name) => host.RequireUnclaimed(name);

    public ISourceDomain OpenSource(string name) => host.OpenSource(name);

    public ISourceDomain OpenLeft(string name) => host.OpenLeft(name);

    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        Wait(WaitsAtCreation, cancellationToken);
        return new Domain(this, host.CreateIncoming(description, cancellationToken));
    }

    public void Dispose() => IsAtWork.Dispose();

    private void Wait(bool isHere, CancellationToken cancellationToken)
    {
        if (isHere)
        {
            IsAtWork.Set();
            cancellationToken.WaitHandle.WaitOne();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private sealed class Domain(WaitingHost owner, IIncomingDomain inner) : IIncomingDomain
    {
        public DomainInfo Info => inner.Info;

        public IGuestMemory Memory => inner.Memory;

        public bool IsTouchedByRestore => inner.IsTouchedByRestore;

        public bool HasRun => inner.HasRun;

        public void Mark(IncomingMark? mark, string? source = null) => inner.Mark(mark, source);

        public IRemotePaging EnableRemotePF() => inner.EnableRemotePF();

        public void Restore(CoreState core, CancellationToken cancellationToken)
        {
            owner.Wait(!owner.WaitsAtCreation, cancellationToken);
            inner.Restore(core, cancellationToken);
        }

        public void Unpause() => inner.Unpause();

        public void Pause() => inner.Pause();

        public void Complete() => inner.Complete();

        public void Destroy() => inner.Destroy();

        public void Dispose() => inner.Dispose();
    }
}

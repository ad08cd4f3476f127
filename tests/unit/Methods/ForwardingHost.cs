using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A host that passes every call on to another one, except for what a test overrides. It does not own the host behind
/// it.</summary>
/// <param name="host">The host behind it.</param>
internal abstract class ForwardingHost(IMigrationHost host) : IMigrationHost
{
    public string Name => host.Name;

    public string Hypervisor => host.Hypervisor;

    public long FreeMemoryBytes => host.FreeMemoryBytes;

    public virtual IMigrationHost ForItself => this;

    public CapabilityReport GetCapabilities() => host.GetCapabilities();

    public CapabilityReport GetCapabilities(DomainKind kind) => host.GetCapabilities(kind);

    public CapabilityReport Examine() => host.Examine();

    public IReadOnlyList<DomainInfo> GetDomains() => host.GetDomains();

    public void RequireIsolableOutputs(string name) => host.RequireIsolableOutputs(name);

    public virtual void RequireTrappable(string name) => host.RequireTrappable(name);

    public DomainDescription Announce(string name) => host.Announce(name);

    public AdmissionVerdict Judge(DomainDescription description) => host.Judge(description);

    public void RequireUnclaimed(string name) => host.RequireUnclaimed(name);

    public ISourceDomain OpenSource(string name) => host.OpenSource(name);

    public ISourceDomain OpenLeft(string name) => host.OpenLeft(name);

    public LeftDomain OpenLeaving(string name) => host.OpenLeaving(name);

    public virtual IReadOnlyList<LeftBehind> GetLeftBehind() => host.GetLeftBehind();

    public bool HasTakenDown(Func<ReadOnlyMemory<byte>, bool> which) => host.HasTakenDown(which);

    public virtual void SweepArrivals() => host.SweepArrivals();

    public virtual LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which) => host.OpenArrival(which);

    public virtual IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken) =>
        host.CreateIncoming(description, cancellationToken);

    public virtual void Dispose()
    {
        // The host behind it belongs to somebody else.
    }

    /// <summary>An incoming domain that passes every call on to another one, except for what a test overrides.</summary>
    /// <param name="domain">The domain behind it.</param>
    internal abstract class Incoming(IIncomingDomain domain) : IIncomingDomain
    {
        public DomainInfo Info => domain.Info;

        public IGuestMemory Memory => domain.Memory;

        public bool HasRun => domain.HasRun;

        public void Keep(ReadOnlyMemory<byte> journal) => domain.Keep(journal);

        public TimeSpan ToolstackTime => domain.ToolstackTime;

        public virtual bool IsTouchedByRestore => domain.IsTouchedByRestore;

        public void Mark(IncomingMark? mark, string? source = null) => domain.Mark(mark, source);

        public virtual IRemotePaging EnableRemotePF() => domain.EnableRemotePF();

        public virtual void Restore(CoreState core, CancellationToken cancellationToken) => domain.Restore(core, cancellationToken);

        public void Unpause() => domain.Unpause();

        public void Pause() => domain.Pause();

        public void Complete() => domain.Complete();

        public void Destroy() => domain.Destroy();

        public virtual void Dispose() => domain.Dispose();
    }
}

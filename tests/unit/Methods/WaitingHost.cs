using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Tests.Methods;

/// <summary>A host that makes an incoming domain, or restores its core state, until it is told to give up.</summary>
/// <param name="host">The host behind it.</param>
/// <param name="waitsAtCreation">Whether making it takes for ever; else restoring it does.</param>
internal sealed class WaitingHost(IMigrationHost host, bool waitsAtCreation) : ForwardingHost(host)
{
    /// <summary>Set once it waits.</summary>
    public ManualResetEventSlim IsAtWork { get; } = new();

    private bool WaitsAtCreation { get; } = waitsAtCreation;

    public override IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        Wait(WaitsAtCreation, cancellationToken);
        return new Domain(this, base.CreateIncoming(description, cancellationToken));
    }

    public override void Dispose()
    {
        base.Dispose();
        IsAtWork.Dispose();
    }

    private void Wait(bool isHere, CancellationToken cancellationToken)
    {
        if (isHere)
        {
            IsAtWork.Set();
            cancellationToken.WaitHandle.WaitOne();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private sealed class Domain(WaitingHost owner, IIncomingDomain domain) : Incoming(domain)
    {
        public override void Restore(CoreState core, CancellationToken cancellationToken)
        {
            owner.Wait(!owner.WaitsAtCreation, cancellationToken);
            base.Restore(core, cancellationToken);
        }
    }
}

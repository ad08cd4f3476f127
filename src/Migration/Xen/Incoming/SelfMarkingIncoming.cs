using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>
/// Marks an incoming domain by what is done to it, and destroys one that never ran when it is disposed: for an owner that does not mark it.
/// From its first mark on that owner decides alone.
/// </summary>
internal sealed class SelfMarkingIncoming(XenIncomingDomain domain) : IIncomingDomain
{
    private bool _isMarkedByOwner;
    private bool _hasStarted;
    private bool _isGone;

    public DomainInfo Info => domain.Info;

    public IGuestMemory Memory => domain.Memory;

    public bool IsTouchedByRestore => domain.IsTouchedByRestore;

    public bool HasRun => domain.HasRun;

    public void Mark(IncomingMark? mark)
    {
        _isMarkedByOwner = true;
        domain.Mark(mark);
    }

    public IRemotePaging EnableRemotePF() => domain.EnableRemotePF();

    public void Restore(CoreState core, CancellationToken cancellationToken) => domain.Restore(core, cancellationToken);

    public void Unpause()
    {
        Note(IncomingMark.Started);
        _hasStarted = true;
        domain.Unpause();
    }

    public void Pause() => domain.Pause();

    public void Complete()
    {
        domain.Complete();
        Note(null);
    }

    public void Destroy()
    {
        domain.Destroy();
        _isGone = true;
        Note(null);
    }

    public void Dispose()
    {
        try
        {
            if (!_isMarkedByOwner && !_hasStarted && !_isGone)
            {
                Destroy();
            }
        }
        finally
        {
            domain.Dispose();
        }
    }

    private void Note(IncomingMark? mark)
    {
        if (!_isMarkedByOwner)
        {
            domain.Mark(mark);
        }
    }
}

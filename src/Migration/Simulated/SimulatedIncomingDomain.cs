using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated;

/// <summary>A domain that comes into a simulated host: the owner's handle.</summary>
/// <param name="host">Its host.</param>
/// <param name="domain">The domain.</param>
/// <param name="finalName">The name that it gets when it is complete.</param>
/// <param name="wasLeft">Whether another tool made and restored it, and was killed.</param>
internal sealed class SimulatedIncomingDomain(SimulatedHost host, SimulatedDomain domain, string finalName, bool wasLeft = false) : IIncomingDomain, IGuestWork, IPageUse
{
    private readonly int _tool = host.Tool;
    private readonly bool _wasLeft = wasLeft;
    private SimulatedRemotePaging? _paging;
    private bool _isRestored;
    private bool _isDisposed;

    public DomainInfo Info => domain.Info;

    public IGuestMemory Memory => domain.Memory;

    public TimeSpan ToolstackTime => TimeSpan.Zero;

    public double? Work => domain.OperationsDone;

    public PageBitmap? TakeUsedPages() => domain.TakeUsedPages();

    public bool HasRun
    {
        get
        {
            Enter(SimulatedCall.HasRun);
            return domain.HasRun;
        }
    }

    public void Mark(IncomingMark? mark, string? source = null)
    {
        Do(SimulatedCall.MarkIncoming, () =>
        {
            (domain.IncomingMark, domain.NotedSource) = (mark, source);
            domain.Journal = mark is null ? null : domain.Journal;
        });
    }

    public void Keep(ReadOnlyMemory<byte> journal)
    {
        Do(SimulatedCall.Keep, () => domain.Journal = journal.ToArray());
    }

    public IRemotePaging EnableRemotePF()
    {
        Enter(SimulatedCall.EnableRemotePF);
        host.GetCapabilities().Require(MigrationCapability.RemotePF);
        if (_wasLeft)
        {
            return _paging = domain.AdoptPaging();
        }

        Require(!_isRestored, "RemotePF is switched on before the core state is restored");
        return _paging = domain.EnablePaging();
    }

    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        Enter(SimulatedCall.Restore);
        cancellationToken.ThrowIfCancellationRequested();
        Require(!_isRestored, "a core state is restored once");
        (Guest.VcpuContext[] contexts, int[] sharedInfoPfns) =
            GuestState.Load(core, domain.Layout, domain.Populated, domain.Name);
        for (int i = 0; i < core.Pages.Count; i++)
        {
            ReadOnlySpan<int> pfn = core.Pages.Pfns.Slice(i, 1);
            if (_paging is { } paging && paging.Missing[pfn[0]])
            {
                paging.PlaceAll(pfn, core.Pages.ContentAt(i));
            }
            else
            {
                Memory.Write(pfn, core.Pages.ContentAt(i));
            }
        }

        domain.RestoreVcpus(contexts, sharedInfoPfns);
        _isRestored = true;
    }

    public bool IsTouchedByRestore => false;

    public void Unpause()
    {
        Do(SimulatedCall.Unpause, () =>
        {
            Require(_isRestored || _wasLeft, "its core state is restored before it runs");
            domain.Resume();
        });
    }

    public void Pause()
    {
        Do(SimulatedCall.PauseIncoming, domain.Pause);
    }

    public void Complete()
    {
        Do(SimulatedCall.Complete, () =>
        {
            Require(domain.HasRun && !domain.IsPaging, "it has run, and RemotePF is off, before it gets its final name");
            host.Rename(domain, finalName);
        });
    }

    public void Destroy()
    {
        Do(SimulatedCall.DestroyIncoming, () =>
        {
            domain.End();
            host.Remove(domain);
        });
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

    private long Enter(SimulatedCall call)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        host.RequireTool(_tool);
        return host.Faults.Enter(call);
    }

    /// <summary>Makes a call that has an effect: a tool that is killed meanwhile has made it, or never does.</summary>
    private void Do(SimulatedCall call, Action effect)
    {
        long number = Enter(call);
        host.WhileToolLives(_tool, effect);
        host.Faults.Leave(call, number);
    }

    private void Require(bool isRight, string rule)
    {
        if (!isRight)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState, $"Out of order for the incoming domain {domain.Name}: {rule}.",
                "This is a fault of the module; report it.", domain.Name);
        }
    }
}

using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets.Lifetime;

/// <summary>
/// That a runspace has the module: from its import until it is removed, or the runspace is closed or broken. When the last one in the process
/// loses it nobody can look after what was begun with it any more, and what has not left ends. A runspace that its host opened for itself ends with
/// the process, whose own end does that.
/// </summary>
public sealed class ModuleHold
{
    /// <summary>Held while the last one ends, too: who imports the module meanwhile waits until all can begin again.</summary>
    private static readonly Lock s_changing = new();
    private static int s_holds;

    private readonly Runspace _runspace;
    private bool _isReleased;

    private ModuleHold(Runspace runspace) => _runspace = runspace;

    /// <summary>Notes that the runspace of this thread has the module. The module's loader does, and notes its removal.</summary>
    /// <param name="host">The runspace's host.</param>
    public static ModuleHold Take(PSHost host)
    {
        ModuleHold hold = new(Runspace.DefaultRunspace);
        lock (s_changing)
        {
            s_holds++;
        }

        if (!IsOwnOf(host, hold._runspace))
        {
            hold._runspace.StateChanged += hold.OnStateChanged;
        }

        return hold;
    }

    /// <summary>Notes that the runspace does not have the module any more; once. Where it was the last, returns when what has not left has ended.</summary>
    public void Release()
    {
        lock (s_changing)
        {
            if (_isReleased)
            {
                return;
            }

            _isReleased = true;
            _runspace.StateChanged -= OnStateChanged;
            if (--s_holds == 0)
            {
                Workspace.OfProcess.EndModule();
            }
        }
    }

    private void OnStateChanged(object? sender, RunspaceStateEventArgs change)
    {
        if (change.RunspaceStateInfo.State is RunspaceState.Closed or RunspaceState.Broken)
        {
            Release();
        }
    }

    /// <summary>Whether a runspace is the one in which a host runs what is typed to it, such as that of pwsh.</summary>
    private static bool IsOwnOf(PSHost host, Runspace runspace)
    {
        try
        {
            return host is IHostSupportsInteractiveSession session && ReferenceEquals(session.Runspace, runspace);
        }
        catch (NotImplementedException)
        {
            // What PowerShell hands to modules asks the host behind it, which runs nothing of its own.
            return false;
        }
    }
}

using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace PreRecordMigration.Shell.Pester;

/// <summary>What the test commands of one runspace share: the block that discovery is in, the test that runs.</summary>
internal sealed class PesterState
{
    private static readonly ConditionalWeakTable<Runspace, PesterState> States = [];

    /// <summary>The state of the runspace that the current thread executes in.</summary>
    public static PesterState Current => For(Runspace.DefaultRunspace
        ?? throw new InvalidOperationException("No runspace executes on this thread."));

    /// <summary>The block whose body discovery executes, or null outside discovery.</summary>
    public TestBlock? DiscoveredBlock { get; set; }

    /// <summary>The test that runs, or null.</summary>
    public TestItem? RunningTest { get; set; }

    /// <summary>The state of a runspace.</summary>
    public static PesterState For(Runspace runspace) => States.GetValue(runspace, _ => new PesterState());
}

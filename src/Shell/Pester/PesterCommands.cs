using System.Management.Automation;
using System.Management.Automation.Runspaces;
using PreRecordMigration.Shell.Pester.Discovery;
using PreRecordMigration.Shell.Pester.Should;

namespace PreRecordMigration.Shell.Pester;

/// <summary>Adds Pester's keywords to a session. Each is an alias of a compiled cmdlet, whose names need a verb.</summary>
internal static class PesterCommands
{
    /// <summary>Commands of Pester that this runner does not have. Using one is an error, never ignored.</summary>
    public static IReadOnlyList<string> Unsupported { get; } =
    [
        "Mock", "InModuleScope", "Assert-MockCalled", "Assert-VerifiableMock", "Assert-VerifiableMocks", "New-Fixture",
        "New-MockObject", "Add-ShouldOperator", "Add-AssertionOperator", "Get-ShouldOperator", "Invoke-Pester",
        "New-PesterContainer", "New-PesterConfiguration", "Set-TestInconclusive", "In", "Setup", "Add-AssertionDynamicParameterSet",
    ];

    /// <summary>Adds the keywords, and for each unsupported command one that says so.</summary>
    public static void AddTo(InitialSessionState state)
    {
        Add<DescribeCommand>(state, "Describe", "Add-TestDescribe");
        Add<ContextCommand>(state, "Context", "Add-TestContext");
        Add<ItCommand>(state, "It", "Add-TestItem");
        Add<BeforeAllCommand>(state, "BeforeAll", "Add-TestBeforeAll");
        Add<AfterAllCommand>(state, "AfterAll", "Add-TestAfterAll");
        Add<BeforeEachCommand>(state, "BeforeEach", "Add-TestBeforeEach");
        Add<AfterEachCommand>(state, "AfterEach", "Add-TestAfterEach");
        Add<BeforeDiscoveryCommand>(state, "BeforeDiscovery", "Invoke-TestBeforeDiscovery");
        Add<ShouldCommand>(state, "Should", "Assert-TestValue");
        state.Commands.Add(new SessionStateCmdletEntry("Set-ItResult", typeof(SetItResultCommand), null));
        state.Commands.Add(new SessionStateCmdletEntry("Stop-UnsupportedTest", typeof(UnsupportedCommand), null));
        foreach (var name in Unsupported)
        {
            state.Commands.Add(new SessionStateAliasEntry(name, "Stop-UnsupportedTest"));
        }
    }

    private static void Add<TCommand>(InitialSessionState state, string keyword, string cmdlet)
        where TCommand : PSCmdlet
    {
        state.Commands.Add(new SessionStateCmdletEntry(cmdlet, typeof(TCommand), null));
        state.Commands.Add(new SessionStateAliasEntry(keyword, cmdlet));
    }
}

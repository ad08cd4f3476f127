using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Discovery;

/// <summary>Registers a setup or teardown with the block that is being discovered.</summary>
public abstract class FixtureCommand : PSCmdlet
{
    /// <summary>What is run around the tests.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock Scriptblock { get; set; } = null!;

    internal abstract string Keyword { get; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (!NodeCommand.DiscoveredBlock(Keyword).Fixtures.TryAdd(Keyword, Scriptblock))
        {
            throw new InvalidOperationException($"This block has a second {Keyword}. One block takes one.");
        }
    }
}

/// <summary>The keyword BeforeAll.</summary>
[Cmdlet(VerbsCommon.Add, "TestBeforeAll")]
public sealed class BeforeAllCommand : FixtureCommand
{
    internal override string Keyword => "BeforeAll";
}

/// <summary>The keyword AfterAll.</summary>
[Cmdlet(VerbsCommon.Add, "TestAfterAll")]
public sealed class AfterAllCommand : FixtureCommand
{
    internal override string Keyword => "AfterAll";
}

/// <summary>The keyword BeforeEach.</summary>
[Cmdlet(VerbsCommon.Add, "TestBeforeEach")]
public sealed class BeforeEachCommand : FixtureCommand
{
    internal override string Keyword => "BeforeEach";
}

/// <summary>The keyword AfterEach.</summary>
[Cmdlet(VerbsCommon.Add, "TestAfterEach")]
public sealed class AfterEachCommand : FixtureCommand
{
    internal override string Keyword => "AfterEach";
}

/// <summary>The keyword BeforeDiscovery: runs at once, in the scope around it.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "TestBeforeDiscovery")]
public sealed class BeforeDiscoveryCommand : PSCmdlet
{
    /// <summary>What is run.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock ScriptBlock { get; set; } = null!;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        _ = NodeCommand.DiscoveredBlock("BeforeDiscovery");
        _ = InvokeCommand.InvokeScript(false, ScriptBlock, null);
    }
}

/// <summary>Stands in for every command of Pester that this runner lacks.</summary>
[Cmdlet(VerbsLifecycle.Stop, "UnsupportedTest")]
public sealed class UnsupportedCommand : PSCmdlet
{
    /// <summary>Whatever was given.</summary>
    [Parameter(ValueFromRemainingArguments = true)]
    public object[]? Arguments { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Called through an operator, the command has no name of its own here: the line shows it.
        var name = MyInvocation.InvocationName is "&" or "." ? MyInvocation.Line.Trim() : MyInvocation.InvocationName;
        ThrowTerminatingError(new ErrorRecord(
            new NotSupportedException($"'{name}' of Pester is not supported by this runner."),
            "PesterFeatureNotSupported",
            ErrorCategory.NotImplemented,
            name));
    }
}

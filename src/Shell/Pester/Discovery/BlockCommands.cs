using System.Management.Automation;
using PreRecordMigration.Shell.Pester.Running;

namespace PreRecordMigration.Shell.Pester.Discovery;

/// <summary>What <c>Describe</c>, <c>Context</c> and <c>It</c> have in common.</summary>
public abstract class NodeCommand : PSCmdlet
{
    /// <summary>The name; templates like <c>&lt;name&gt;</c> are expanded when it runs.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; } = "";

    /// <summary>Tags.</summary>
    [Parameter]
    [Alias("Tags")]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? Tag { get; set; }

    /// <summary>Whether the tests are reported as skipped instead of being run.</summary>
    [Parameter]
    public SwitchParameter Skip { get; set; }

    internal static TestBlock DiscoveredBlock(string keyword) => PesterState.Current.DiscoveredBlock
        ?? throw new InvalidOperationException(
            $"{keyword} was called outside discovery: inside a test, a setup or a teardown, or in no test file at all.");

    internal static ScriptBlock Required(string keyword, string name, ScriptBlock? body) => body
        ?? throw new PSArgumentException(
            $"{keyword} '{name}' has no script block. Its opening brace must be on the same line.");

    // As in Pester 5, -ForEach with nothing in it makes no node at all.
    internal static IEnumerable<(bool HasData, object? Data)> Items(bool bound, object[]? items) =>
        bound ? (items ?? []).Select(item => (true, (object?)item)) : [(false, null)];
}

/// <summary>Adds a block and discovers what is in it.</summary>
public abstract class BlockCommand : NodeCommand
{
    /// <summary>The body.</summary>
    [Parameter(Position = 1)]
    public ScriptBlock? Fixture { get; set; }

    /// <summary>One block is made for each item.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyCollection]
    public object[]? ForEach { get; set; }

    internal abstract string Keyword { get; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        var body = Required(Keyword, Name, Fixture);
        var state = PesterState.Current;
        var parent = DiscoveredBlock(Keyword);
        foreach (var (hasData, data) in Items(MyInvocation.BoundParameters.ContainsKey(nameof(ForEach)), ForEach))
        {
            var block = new TestBlock(Keyword, Name, parent)
            {
                HasData = hasData,
                Data = data,
                Skip = Skip || parent.Skip,
                Tags = Tag ?? [],
            };
            parent.Children.Add(block);
            state.DiscoveredBlock = block;
            try
            {
                ScopeFrame.InNewScope(InvokeCommand, () =>
                {
                    ScopeFrame.SetData(SessionState, block);
                    ScopeFrame.DotSource(InvokeCommand, body, block.DataDictionary);
                });
            }
            finally
            {
                state.DiscoveredBlock = parent;
            }
        }
    }
}

/// <summary>The keyword Describe.</summary>
[Cmdlet(VerbsCommon.Add, "TestDescribe")]
public sealed class DescribeCommand : BlockCommand
{
    internal override string Keyword => "Describe";
}

/// <summary>The keyword Context.</summary>
[Cmdlet(VerbsCommon.Add, "TestContext")]
public sealed class ContextCommand : BlockCommand
{
    internal override string Keyword => "Context";
}

/// <summary>The keyword It: adds a test.</summary>
[Cmdlet(VerbsCommon.Add, "TestItem")]
public sealed class ItCommand : NodeCommand
{
    /// <summary>The body.</summary>
    [Parameter(Position = 1)]
    public ScriptBlock? Test { get; set; }

    /// <summary>One test is made for each item.</summary>
    [Parameter]
    [Alias("TestCases")]
    [AllowNull]
    [AllowEmptyCollection]
    public object[]? ForEach { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        var body = Required("It", Name, Test);
        var parent = DiscoveredBlock("It");
        if (parent.Parent is null)
        {
            throw new InvalidOperationException($"It '{Name}' is directly in the file. A test needs a Describe around it.");
        }

        foreach (var (hasData, data) in Items(MyInvocation.BoundParameters.ContainsKey(nameof(ForEach)), ForEach))
        {
            parent.Children.Add(new TestItem(Name, parent, body)
            {
                HasData = hasData,
                Data = data,
                Skip = Skip || parent.Skip,
                Tags = Tag ?? [],
            });
        }
    }
}

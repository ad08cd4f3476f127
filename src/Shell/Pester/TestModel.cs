using System.Collections;
using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester;

/// <summary>How a test ended.</summary>
internal enum TestOutcome
{
    /// <summary>Discovered, and not reached.</summary>
    NotRun,

    /// <summary>Ended without a terminating error.</summary>
    Passed,

    /// <summary>Its body, or a setup or teardown around it, ended with an error.</summary>
    Failed,

    /// <summary>Skipped by <c>-Skip</c> or by <c>Set-ItResult -Skipped</c>.</summary>
    Skipped,

    /// <summary>Declared inconclusive by <c>Set-ItResult -Inconclusive</c>.</summary>
    Inconclusive,
}

/// <summary>A block or a test: what both have.</summary>
internal abstract class TestNode(string name, TestBlock? parent)
{
    /// <summary>The name as written, with templates in it.</summary>
    public string Name { get; } = name;

    /// <summary>The block around it; null for the root of a file.</summary>
    public TestBlock? Parent { get; } = parent;

    /// <summary>The name shown, templates expanded once their variables exist.</summary>
    public string ExpandedName { get; set; } = name;

    /// <summary>The item of <c>-ForEach</c> this node was made for.</summary>
    public object? Data { get; init; }

    /// <summary>Whether <c>-ForEach</c> made this node (an item may be null).</summary>
    public bool HasData { get; init; }

    /// <summary>Whether it, or a block around it, is to be skipped.</summary>
    public bool Skip { get; init; }

    /// <summary>Tags, those of the blocks around it not included.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>What went wrong, in the order it happened.</summary>
    public List<ErrorRecord> Errors { get; } = [];

    /// <summary>The data as a dictionary, where the item is one.</summary>
    public IDictionary? DataDictionary => (Data as PSObject)?.BaseObject as IDictionary ?? Data as IDictionary;

    /// <summary>The expanded names from the outermost block inwards, separated by dots.</summary>
    public string Path => Parent is null or { Parent: null } ? ExpandedName : Parent.Path + "." + ExpandedName;
}

/// <summary>A <c>Describe</c> or <c>Context</c>, or the root of a file.</summary>
internal sealed class TestBlock(string keyword, string name, TestBlock? parent) : TestNode(name, parent)
{
    /// <summary>Describe or Context; empty for the root.</summary>
    public string Keyword { get; } = keyword;

    /// <summary>Blocks and tests in the order they were written.</summary>
    public List<TestNode> Children { get; } = [];

    /// <summary>Setup and teardown by keyword: BeforeAll, AfterAll, BeforeEach, AfterEach.</summary>
    public Dictionary<string, ScriptBlock> Fixtures { get; } = new(StringComparer.Ordinal);

    /// <summary>All tests inside, in order.</summary>
    public IEnumerable<TestItem> AllTests =>
        Children.SelectMany(child => child is TestBlock block ? block.AllTests : [(TestItem)child]);

    /// <summary>This block and all blocks inside.</summary>
    public IEnumerable<TestBlock> AllBlocks =>
        Children.OfType<TestBlock>().SelectMany(block => block.AllBlocks).Prepend(this);
}

/// <summary>An <c>It</c>.</summary>
internal sealed class TestItem(string name, TestBlock parent, ScriptBlock body) : TestNode(name, parent)
{
    /// <summary>What is run.</summary>
    public ScriptBlock Body { get; } = body;

    /// <summary>How it ended.</summary>
    public TestOutcome Outcome { get; set; }

    /// <summary>Why it was skipped or is inconclusive.</summary>
    public string? Because { get; set; }

    /// <summary>Time taken, setups and teardowns of each test included.</summary>
    public TimeSpan Duration { get; set; }
}

/// <summary>A test file.</summary>
public sealed class TestContainer
{
    internal TestContainer(string path)
    {
        Path = path;
        Root = new TestBlock("", "", null);
    }

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    /// <summary>The error that ended discovery, or null. Set by the discovery script.</summary>
    public ErrorRecord? DiscoveryError { get; set; }

    internal TestBlock Root { get; }
}

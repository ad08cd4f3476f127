using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Shell.Pester;

/// <summary>Told what happens while tests are discovered and run.</summary>
internal interface IPesterReport
{
    /// <summary>Discovery begins.</summary>
    void DiscoveryStarted(int files);

    /// <summary>Discovery of all files has ended.</summary>
    void DiscoveryEnded(IReadOnlyList<TestContainer> containers);

    /// <summary>A file's tests begin.</summary>
    void ContainerStarted(TestContainer container);

    /// <summary>A block's tests begin; its setup is done.</summary>
    void BlockStarted(TestBlock block);

    /// <summary>A block has ended; its teardown left these errors.</summary>
    void BlockEnded(TestBlock block, IEnumerable<ErrorRecord> errors);

    /// <summary>A test has ended.</summary>
    void TestEnded(TestItem test);

    /// <summary>Everything has ended.</summary>
    void RunEnded(PesterResult result);
}

/// <summary>Prints a run in the manner of Pester's detailed output.</summary>
internal sealed class PesterReport(ShellTerminal terminal) : IPesterReport
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <inheritdoc/>
    public void DiscoveryStarted(int files) => terminal.WriteLine($"Starting discovery in {files} files.");

    /// <inheritdoc/>
    public void DiscoveryEnded(IReadOnlyList<TestContainer> containers)
    {
        var tests = containers.Sum(container => container.Root.AllTests.Count());
        terminal.WriteLine($"Discovery found {tests} tests in {Time(_watch.Elapsed)}.");
        foreach (var container in containers.Where(container => container.DiscoveryError is not null))
        {
            terminal.WriteLine($"[-] Discovery in {container.Path} failed with:");
            WriteError(container.DiscoveryError!, " ");
        }

        terminal.WriteLine("Running tests.");
    }

    /// <inheritdoc/>
    public void ContainerStarted(TestContainer container) => terminal.WriteLine($"\nRunning tests from '{container.Path}'");

    /// <inheritdoc/>
    public void BlockStarted(TestBlock block)
    {
        if (block.Parent is not null)
        {
            var verb = block.Keyword == "Describe" ? "Describing" : "Context";
            terminal.WriteLine($"{Indent(block)}{verb} {block.ExpandedName}");
        }
    }

    /// <inheritdoc/>
    public void BlockEnded(TestBlock block, IEnumerable<ErrorRecord> errors)
    {
        foreach (var error in errors)
        {
            terminal.WriteLine($"{Indent(block)}[-] {block.Keyword} {block.ExpandedName}: AfterAll failed");
            WriteError(error, Indent(block) + " ");
        }
    }

    /// <inheritdoc/>
    public void TestEnded(TestItem test)
    {
        var (mark, note) = test.Outcome switch
        {
            TestOutcome.Passed => ("+", ""),
            TestOutcome.Skipped => ("!", test.Because is null ? " is skipped" : $", is skipped, because {test.Because}"),
            TestOutcome.Inconclusive => ("?", test.Because is null ? " is inconclusive" : $", is inconclusive, because {test.Because}"),
            _ => ("-", ""),
        };
        terminal.WriteLine($"{Indent(test)}[{mark}] {test.ExpandedName}{note} {Time(test.Duration)}");
        if (test.Outcome == TestOutcome.Failed)
        {
            foreach (var error in test.Errors)
            {
                WriteError(error, Indent(test) + " ");
            }
        }
    }

    /// <inheritdoc/>
    public void RunEnded(PesterResult result)
    {
        terminal.WriteLine($"Tests completed in {Time(_watch.Elapsed)}");
        terminal.WriteLine(
            $"Tests Passed: {result.Count(TestOutcome.Passed)}, Failed: {result.Count(TestOutcome.Failed)}, "
            + $"Skipped: {result.Count(TestOutcome.Skipped)}, Inconclusive: {result.Count(TestOutcome.Inconclusive)}, "
            + $"NotRun: {result.Count(TestOutcome.NotRun)}");
        foreach (var block in result.FailedBlocks)
        {
            terminal.WriteLine($"Block failed: {block.Path} ({ErrorText.Message(block.Errors[0])})");
        }

        foreach (var container in result.FailedContainers)
        {
            terminal.WriteLine($"File failed: {container.Path}");
        }

        if (result.Interrupted)
        {
            terminal.WriteLine("The run was interrupted.");
        }
    }

    private static string Indent(TestNode node)
    {
        var depth = 0;
        for (var block = node.Parent; block?.Parent is not null; block = block.Parent)
        {
            depth++;
        }

        return new string(' ', depth * 2);
    }

    private static string Time(TimeSpan time) => time.TotalSeconds < 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0}ms")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00}s");

    private void WriteError(ErrorRecord error, string indent)
    {
        foreach (var line in ErrorText.Describe(error).Split('\n'))
        {
            terminal.WriteLine(indent + line);
        }
    }
}

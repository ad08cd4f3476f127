using System.Text.Encodings.Web;
using System.Text.Json;
using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Shell.Pester;

/// <summary>The outcome of a run.</summary>
internal sealed record PesterResult(IReadOnlyList<TestContainer> Containers, bool Interrupted)
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>All discovered tests.</summary>
    public IEnumerable<TestItem> Tests => Containers.SelectMany(container => container.Root.AllTests);

    /// <summary>Files that could not be discovered or run to their end.</summary>
    public IEnumerable<TestContainer> FailedContainers => Containers.Where(container => container.DiscoveryError is not null);

    /// <summary>Blocks whose setup or teardown failed.</summary>
    public IEnumerable<TestBlock> FailedBlocks =>
        Containers.SelectMany(container => container.Root.AllBlocks).Where(block => block.Errors.Count > 0);

    /// <summary>Failed tests, blocks and files together.</summary>
    public int Failures => Count(TestOutcome.Failed) + FailedContainers.Count() + FailedBlocks.Count();

    /// <summary>The exit code: the number of failures, 100 at most.</summary>
    public int ExitCode => Interrupted ? ExitCodes.Interrupted : Math.Min(Failures, ExitCodes.MaxFailures);

    /// <summary>How many tests ended so.</summary>
    public int Count(TestOutcome outcome) => Tests.Count(test => test.Outcome == outcome);

    /// <summary>Writes the result as JSON: totals, and one object a test with file, path, outcome, seconds and errors.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(
        new
        {
            passed = Count(TestOutcome.Passed),
            failed = Failures,
            skipped = Count(TestOutcome.Skipped),
            inconclusive = Count(TestOutcome.Inconclusive),
            notRun = Count(TestOutcome.NotRun),
            interrupted = Interrupted,
            tests = Containers.SelectMany(container => container.Root.AllTests.Select(test => new
            {
                file = container.Path,
                name = test.Path,
                outcome = test.Outcome.ToString(),
                seconds = test.Duration.TotalSeconds,
                because = test.Because,
                errors = test.Errors.Select(ErrorText.Message),
            })),
            failedBlocks = FailedBlocks.Select(block => new { name = block.Path, errors = block.Errors.Select(ErrorText.Message) }),
            failedFiles = FailedContainers.Select(container => new
            {
                file = container.Path,
                error = ErrorText.Message(container.DiscoveryError!),
            }),
        },
        Indented));
}

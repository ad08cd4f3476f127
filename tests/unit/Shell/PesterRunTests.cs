using System.Text.Json;
using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Pester;
using PreRecordMigration.Shell.Pester.Running;

namespace PreRecordMigration.Tests.Shell;

public sealed class PesterRunTests : IDisposable
{
    private readonly ShellFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Every_test_of_the_passing_sample_passes_or_is_skipped_as_it_says()
    {
        var result = Run(Sample("Passing.Tests.ps1"));

        var outcomes = result.Tests.Where(test => test.Outcome != TestOutcome.Passed)
            .Select(test => $"{test.Path}: {test.Outcome} {test.Because}".TrimEnd());
        Assert.Equal(
            [
                "skips.skip switch: Skipped",
                "skips.set result: Skipped of rain",
                "skips.inconclusive: Inconclusive",
                "skips.all.x: Skipped",
            ],
            outcomes);
        Assert.Equal(29, result.Count(TestOutcome.Passed));
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public void Names_are_expanded_with_data_and_with_variables_of_the_setup()
    {
        var names = Run(Sample("Passing.Tests.ps1")).Tests.Select(test => test.Path).ToList();

        Assert.Contains("foreach 3.nested a=1 with a and <plain>", names);
        Assert.Contains("foreach 4.number is 4", names);
        Assert.Contains("data k2.sees k2 K2", names);
    }

    [Fact]
    public void The_failing_sample_fails_exactly_where_it_should()
    {
        var result = Run(Sample("Failing.Tests.ps1"));

        Assert.Equal(
            ["fails.compares", "fails.passes", "fails.returns", "after all fails.a"],
            result.Tests.Where(test => test.Outcome == TestOutcome.Passed).Select(test => test.Path));
        Assert.Equal(17, result.Count(TestOutcome.Failed));
        Assert.Equal(["before all fails", "after all fails"], result.FailedBlocks.Select(block => block.Path));
        Assert.Empty(result.FailedContainers);
        Assert.Equal(19, result.ExitCode);
        Assert.Contains("Expected 2, because math, but got 1.", _fixture.Output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Describe 'x' { It 'a' { if ($false) { Mock Get-Item { } } } }", "'Mock' of Pester is not supported")]
    [InlineData("InModuleScope m { Describe 'x' { It 'a' { } } }", "'InModuleScope' of Pester is not supported")]
    [InlineData("Describe 'x' { It 'a' { if ($false) { 1 | Should -BeHappy } } }", "'Should -BeHappy' is not supported")]
    [InlineData("Describe 'x' { It 'a' { Should -Invoke Get-Item } }", "'Should -Invoke' is not supported")]
    [InlineData("Describe 'x' { It 'a' { 1 | Should Be 1 } }", "syntax of Pester 4")]
    [InlineData("Describe 'x' { It 'a' { 1 | Should-Be 1 } }", "belongs to Pester 6")]
    [InlineData("Describe 'x' { It 'a' { exit 3 } }", "'exit' would end")]
    [InlineData("Describe 'x' { It 'a' -Pending { } }", "'Pending'")]
    [InlineData("Describe 'x' { It 'a' }", "has no script block")]
    [InlineData("It 'a' { }", "needs a Describe around it")]
    [InlineData("Describe 'x' { BeforeAll { }; BeforeAll { }; It 'a' { } }", "second BeforeAll")]
    [InlineData("Describe 'x' { throw 'in discovery'; It 'a' { } }", "in discovery")]
    [InlineData("Describe 'x' { [int]::Parse('y'); It 'a' { } }", "'y' was not in a correct format")]
    [InlineData("& ('Mo' + 'ck') x; Describe 'x' { It 'a' { } }", "of Pester is not supported by this runner")]
    [InlineData("Describe 'x' {", "Missing closing '}'")]
    public void What_is_not_supported_or_wrong_fails_the_file_in_discovery(string text, string message)
    {
        var result = Run(_fixture.File("a.Tests.ps1", text), _fixture.File("b.Tests.ps1", "Describe 'y' { It 'b' { } }"));

        var failed = Assert.Single(result.FailedContainers);
        Assert.Contains(message, ErrorText.Message(failed.DiscoveryError!), StringComparison.Ordinal);
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(["y.b"], result.Tests.Where(test => test.Outcome == TestOutcome.Passed).Select(test => test.Path));
    }

    [Fact]
    public void Script_variables_and_the_drive_do_not_leak_from_file_to_file()
    {
        const string Text = """
            BeforeAll { $script:count = $script:count + 1; $global:drives += @($TestDrive) }
            Describe 'd' {
                It 'counts from nothing' { $script:count | Should -Be 1 }
                It 'has an empty drive' { [IO.Directory]::GetFileSystemEntries($TestDrive) | Should -HaveCount 0 }
            }
            """;
        using var session = ShellSession.Open(_fixture.Terminal, null, PesterCommands.AddTo);
        var files = new[] { _fixture.File("a.Tests.ps1", Text), _fixture.File("b.Tests.ps1", Text) };

        var result = new PesterRun(session, new PesterReport(_fixture.Terminal)).Run(files);

        Assert.Equal(4, result.Count(TestOutcome.Passed));
        var drives = ((object[])session.Runspace.SessionStateProxy.GetVariable("drives")).Select(drive => drive.ToString()!).ToList();
        Assert.Equal(2, drives.Distinct().Count());
        Assert.All(drives, drive => Assert.False(Directory.Exists(drive)));
        Assert.Null(session.Runspace.SessionStateProxy.GetVariable("TestDrive"));
    }

    [Fact]
    public async Task A_stopped_run_says_so_and_counts_what_it_did_not_reach()
    {
        using var output = new SignallingWriter("in the test");
        using var session = ShellSession.Open(new ShellTerminal(output, output, 100), null, PesterCommands.AddTo);
        var file = _fixture.File("a.Tests.ps1", """
            Describe 'd' { It 'hangs' { $host.UI.WriteLine('in the test'); while ($true) { } }; It 'never' { } }
            """);
        var run = Task.Factory.StartNew(
            () => new PesterRun(session, new PesterReport(session.Terminal)).Run([file]),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await output.Written;

        session.Stop();

        var result = await run;
        Assert.True(result.Interrupted);
        Assert.Equal(ExitCodes.Interrupted, result.ExitCode);
        Assert.Equal(2, result.Count(TestOutcome.NotRun));
    }

    [Fact]
    public void The_result_file_holds_totals_and_every_test()
    {
        var path = Path.Combine(_fixture.Root, "result.json");
        Run(_fixture.File("a.Tests.ps1", "Describe 'd' { It 'a' { }; It 'b' { throw 'why' } }")).Write(path);

        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var root = document.RootElement;
        Assert.Equal(1, root.GetProperty("passed").GetInt32());
        Assert.Equal(1, root.GetProperty("failed").GetInt32());
        var second = root.GetProperty("tests")[1];
        Assert.Equal("d.b", second.GetProperty("name").GetString());
        Assert.Equal("why", second.GetProperty("errors")[0].GetString());
    }

    [Fact]
    public void Directories_are_searched_and_a_path_without_tests_is_an_error()
    {
        var nested = _fixture.File("deep/a.Tests.ps1", "");
        _ = _fixture.File("deep/helper.ps1", "");

        Assert.Equal([nested], PesterRun.FindFiles([_fixture.Root, nested]));
        _ = Assert.Throws<FileNotFoundException>(() => PesterRun.FindFiles([Path.Combine(_fixture.Root, "gone")]));
    }

    private static string Sample(string name) => Path.Combine(AppContext.BaseDirectory, "Shell", "Samples", name);

    private PesterResult Run(params string[] files)
    {
        using var session = ShellSession.Open(_fixture.Terminal, null, PesterCommands.AddTo);
        return new PesterRun(session, new PesterReport(_fixture.Terminal)).Run(files);
    }
}

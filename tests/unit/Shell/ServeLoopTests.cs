using System.Collections.Concurrent;
using System.Text.Json;
using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Serving;

namespace PreRecordMigration.Tests.Shell;

public sealed class ServeLoopTests : IDisposable
{
    private readonly ShellFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Commands_are_answered_in_order_with_their_own_output_and_shared_variables()
    {
        var script = _fixture.File("a.ps1", "param($A) \"got $A\"; exit 4");
        var answers = Serve(
            """{"id":1,"command":"$x = 2; $x"}""",
            """{"id":2,"command":"$x * 3; throw 'bad'"}""",
            $$"""{"id":3,"file":{{JsonSerializer.Serialize(script)}},"arguments":["-A","z"]}""",
            "not json",
            """{"id":5}""",
            """{"id":6,"command":"1","file":"2"}""",
            """{"id":7,"unknown":1,"command":"1"}""",
            """{"cancel":99}""").Where(answer => !answer.TryGetProperty("error", out _)).ToList();

        Assert.True(answers[0].GetProperty("ready").GetBoolean());
        Assert.Equal([1, 2, 3], answers.Skip(1).Select(answer => answer.GetProperty("id").GetInt64()));
        Assert.Equal([0, 1, 4], answers.Skip(1).Select(answer => answer.GetProperty("exitCode").GetInt32()));
        Assert.Equal(["2\n", "6\n", "got z\n"], answers.Skip(1).Select(answer => answer.GetProperty("stdout").GetString()));
        Assert.Contains("bad", answers[2].GetProperty("stderr").GetString(), StringComparison.Ordinal);
        Assert.False(answers[1].TryGetProperty("cancelled", out _));
    }

    [Fact]
    public void Every_line_that_makes_no_sense_is_answered_with_an_error()
    {
        string[] lines = ["not json", """{"id":5}""", """{"id":6,"command":"1","file":"2"}""", """{"command":"1"}""", """{"cancel":99}"""];

        var errors = Serve(lines).Where(answer => answer.TryGetProperty("error", out _)).ToList();

        Assert.Equal(lines.Length, errors.Count);
        Assert.Equal(99, errors[^1].GetProperty("id").GetInt64());
    }

    [Fact]
    public void Tests_run_in_a_session_of_their_own()
    {
        var file = _fixture.File("a.Tests.ps1", """
            Describe 'd' { It 'passes' { $x | Should -Be $null }; It 'fails' { 1 | Should -Be 2 } }
            """);

        var answers = Serve(
            """{"id":1,"command":"$x = 1"}""",
            $$"""{"id":2,"pester":[{{JsonSerializer.Serialize(file)}}]}""",
            """{"id":3,"pester":["/no/such/directory"]}""",
            """{"id":4,"command":"$x"}""");

        Assert.Equal([0, 1, 2, 0], answers.Skip(1).Select(answer => answer.GetProperty("exitCode").GetInt32()));
        Assert.Equal("1\n", answers[4].GetProperty("stdout").GetString());
    }

    [Fact]
    public async Task A_cancellation_stops_the_running_command_and_takes_a_waiting_one_out()
    {
        using var lines = new BlockingReader();
        using var output = new SignallingWriter("\"id\":4");
        using var started = new SignallingWriter("started");
        using var shell = new ServedShell(new ShellTerminal(started, started, 100), null);
        var loop = Task.Factory.StartNew(
            () => new ServeLoop(lines, output, shell).Run(),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        var flag = Path.Combine(_fixture.Root, "flag");
        using var watcher = new FileSystemWatcher(_fixture.Root) { EnableRaisingEvents = true };
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watcher.Created += (_, _) => running.TrySetResult();

        lines.Add($$"""{"id":1,"command":"[IO.File]::WriteAllText('{{flag}}', ''); while ($true) { }"}""");
        lines.Add("""{"id":2,"command":"'never'"}""");
        lines.Add("""{"id":3,"command":"'third'"}""");
        await running.Task;
        lines.Add("""{"cancel":2}""");
        lines.Add("""{"cancel":1}""");
        lines.Add("""{"id":4,"command":"'fourth'"}""");
        await output.Written;
        lines.Complete();
        await loop;

        var answers = Parse(output.ToString()).Skip(1).ToList();
        Assert.Equal([130, 130, 0, 0], answers.Select(answer => answer.GetProperty("exitCode").GetInt32()));
        Assert.Equal(["", "", "third\n", "fourth\n"], answers.Select(answer => answer.GetProperty("stdout").GetString()));
        Assert.True(answers[0].GetProperty("cancelled").GetBoolean());
        Assert.True(answers[1].GetProperty("cancelled").GetBoolean());
    }

    private List<JsonElement> Serve(params string[] lines)
    {
        using var output = new StringWriter();
        using var shell = new ServedShell(_fixture.Terminal, null);
        new ServeLoop(new StringReader(string.Join('\n', lines)), output, shell).Run();
        return Parse(output.ToString());
    }

    private static List<JsonElement> Parse(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private sealed class BlockingReader : TextReader
    {
        private readonly BlockingCollection<string> _lines = [];

        public void Add(string line) => _lines.Add(line);

        public void Complete() => _lines.CompleteAdding();

        public override string? ReadLine() => _lines.TryTake(out var line, Timeout.Infinite) ? line : null;

        protected override void Dispose(bool disposing)
        {
            _lines.Dispose();
            base.Dispose(disposing);
        }
    }
}

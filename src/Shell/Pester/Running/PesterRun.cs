using System.Management.Automation;
using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Pester.Discovery;

namespace PreRecordMigration.Shell.Pester.Running;

/// <summary>Discovers and then runs test files in a session of their own.</summary>
internal sealed class PesterRun(ShellSession session, IPesterReport report)
{
    private const string Discover = """
        param($______container)
        try { . $______container.Path } catch { $______container.DiscoveryError = $_ }
        """;

    /// <summary>Finds the files, runs them, prints the run on the session's terminal and writes the result file.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="IOException">A path names no tests, or the result file cannot be written.</exception>
    public static int Run(ShellSession session, IEnumerable<string> paths, string? resultFile)
    {
        var result = new PesterRun(session, new PesterReport(session.Terminal)).Run(FindFiles(paths));
        if (resultFile is not null)
        {
            result.Write(resultFile);
        }

        return result.ExitCode;
    }

    /// <summary>The test files that paths name: files as they are, directories searched for *.Tests.ps1.</summary>
    /// <exception cref="FileNotFoundException">A path does not exist or holds no test file.</exception>
    public static IReadOnlyList<string> FindFiles(IEnumerable<string> paths)
    {
        var files = new List<string>();
        foreach (var path in paths.Select(Path.GetFullPath))
        {
            var found = File.Exists(path) ? [path]
                : Directory.Exists(path) ? Directory.GetFiles(path, "*.Tests.ps1", SearchOption.AllDirectories)
                : [];
            if (found.Length == 0)
            {
                throw new FileNotFoundException($"{path} is no test file and no directory with *.Tests.ps1 files in it.", path);
            }

            Array.Sort(found, StringComparer.Ordinal);
            files.AddRange(found);
        }

        return [.. files.Distinct()];
    }

    /// <summary>Runs the files.</summary>
    /// <returns>The result, also of an interrupted run.</returns>
    public PesterResult Run(IReadOnlyList<string> files)
    {
        var containers = files.Select(file => new TestContainer(file)).ToList();
        report.DiscoveryStarted(containers.Count);
        var state = PesterState.For(session.Runspace);
        var interrupted = false;
        foreach (var container in containers.TakeWhile(_ => !interrupted))
        {
            interrupted = !DiscoverOne(container, state);
        }

        report.DiscoveryEnded(containers);
        foreach (var container in containers.Where(container => container.DiscoveryError is null).TakeWhile(_ => !interrupted))
        {
            report.ContainerStarted(container);
            interrupted = !RunOne(container, state);
        }

        var result = new PesterResult(containers, interrupted);
        report.RunEnded(result);
        return result;
    }

    private bool DiscoverOne(TestContainer container, PesterState state)
    {
        var problems = TestFileRules.Check(container.Path);
        if (problems.Count > 0)
        {
            container.DiscoveryError = new ErrorRecord(
                new NotSupportedException(string.Join('\n', problems)),
                "PesterFeatureNotSupported",
                ErrorCategory.NotImplemented,
                container.Path);
            return true;
        }

        state.DiscoveredBlock = container.Root;
        try
        {
            return session.Execute(shell => shell.AddScript(Discover, useLocalScope: true).AddArgument(container));
        }
        finally
        {
            state.DiscoveredBlock = null;
        }
    }

    private bool RunOne(TestContainer container, PesterState state)
    {
        // A script file, because only those have a script scope: $script: variables are shared by all tests of a file
        // and gone after it.
        var scriptDirectory = Directory.CreateTempSubdirectory("prerecord-run-");
        try
        {
            var script = Path.Combine(scriptDirectory.FullName, "container.ps1");
            File.WriteAllText(script, "param($______run) $______run.Run($ExecutionContext)");
            var start = new ContainerStart(engine =>
            {
                using var drive = new TestDrive(engine.SessionState);
                new ContainerRun(engine, state, report, drive).Run(container);
            });
            var completed = session.Execute(shell => shell
                .AddScript("param($______script, $______run) & $______script $______run", useLocalScope: true)
                .AddArgument(script).AddArgument(start));
            if (completed && !start.Completed)
            {
                container.DiscoveryError ??= new ErrorRecord(
                    new InvalidOperationException("The run of this file ended before its last test."),
                    "PesterRunEnded",
                    ErrorCategory.OperationStopped,
                    container.Path);
            }

            return completed;
        }
        finally
        {
            scriptDirectory.Delete(recursive: true);
        }
    }
}

/// <summary>Carries the run of a file into its script scope.</summary>
public sealed class ContainerStart
{
    private readonly Action<EngineIntrinsics> _body;

    internal ContainerStart(Action<EngineIntrinsics> body) => _body = body;

    /// <summary>Whether the run reached its end.</summary>
    public bool Completed { get; private set; }

    /// <summary>Called by the container's script.</summary>
    public void Run(EngineIntrinsics engine)
    {
        _body(engine);
        Completed = true;
    }
}

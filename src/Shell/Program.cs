using PreRecordMigration.Shell.CommandLine;
using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Pester;
using PreRecordMigration.Shell.Pester.Running;
using PreRecordMigration.Shell.Serving;

namespace PreRecordMigration.Shell;

/// <summary>The executable: parses the arguments, finds the module, does what was asked and returns the exit code.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        try
        {
            var options = ShellOptionsParser.Parse(arguments);
            if (options.Action == ShellAction.Help)
            {
                Console.Out.WriteLine(Usage.Text);
                return ExitCodes.Success;
            }

            return Run(options);
        }
        catch (UsageException error)
        {
            Console.Error.WriteLine($"prerecord-shell: {error.Message} See prerecord-shell -Help.");
        }
        catch (Exception error) when (error is ShellStartException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"prerecord-shell: {error.Message}");
        }

        return ExitCodes.NotStarted;
    }

    private static int Run(ShellOptions options)
    {
        var manifest = PrepareModule(options);
        return options.Action == ShellAction.Serve ? Serve(options, manifest) : RunOnce(options, manifest);
    }

    private static int RunOnce(ShellOptions options, string? manifest)
    {
        var terminal = ShellTerminal.FromConsole(options.Width);
        using var session = ShellSession.Open(
            terminal, manifest, options.Action == ShellAction.Pester ? PesterCommands.AddTo : null);
        using var interruption = new Interruption(session.Stop, terminal.WriteErrorLine);
        var exitCode = options.Action switch
        {
            ShellAction.Command => session.RunText(options.Text),
            ShellAction.File => session.RunFile(options.Text, options.Arguments),
            ShellAction.Pester => PesterRun.Run(session, options.Arguments, options.ResultFile),
            _ => throw new InvalidOperationException($"{options.Action} does not run once."),
        };
        return interruption.ExitCode ?? exitCode;
    }

    private static int Serve(ShellOptions options, string? manifest)
    {
        // The protocol has standard output for itself: whatever else writes to the console goes to standard error.
        var protocol = new StreamWriter(Console.OpenStandardOutput());
        Console.SetOut(Console.Error);
        var terminal = new ShellTerminal(Console.Error, Console.Error, options.Width ?? ShellTerminal.DefaultWidth);
        using var shell = new ServedShell(terminal, manifest);
        using var interruption = new Interruption(shell.ShutDown, terminal.WriteErrorLine);
        new ServeLoop(Console.In, protocol, shell).Run();
        return interruption.ExitCode ?? ExitCodes.Success;
    }

    private static string? PrepareModule(ShellOptions options)
    {
        ModuleLocator.PrependToModulePath(options.ModulePaths);
        if (!options.ImportModule)
        {
            return null;
        }

        var (manifest, searched) = ModuleLocator.Find(options.ModulePaths, AppContext.BaseDirectory);
        if (manifest is null)
        {
            throw new ShellStartException(
                $"the module {ModuleLocator.ModuleName} was not found. Looked in:\n  {string.Join("\n  ", searched)}\n"
                + "Build it, name its directory with -ModulePath, or use -NoModule.");
        }

        ModuleLocator.PrependToModulePath([Path.GetDirectoryName(Path.GetDirectoryName(manifest))!]);
        return manifest;
    }
}

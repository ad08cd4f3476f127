using PreRecordMigration.Shell.CommandLine;
using PreRecordMigration.Shell.Hosting;
using PreRecordMigration.Shell.Pester;
using PreRecordMigration.Shell.Pester.Running;

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
        catch (ShellStartException error)
        {
            Console.Error.WriteLine($"prerecord-shell: {error.Message}");
        }

        return ExitCodes.NotStarted;
    }

    private static int Run(ShellOptions options)
    {
        var terminal = ShellTerminal.FromConsole(options.Width);
        var manifest = PrepareModule(options);
        using var session = ShellSession.Open(
            terminal, manifest, options.Action == ShellAction.Pester ? PesterCommands.AddTo : null);
        using var interruption = new Interruption(session.Stop, terminal.WriteErrorLine);
        var exitCode = options.Action switch
        {
            ShellAction.Command => session.RunText(options.Text),
            ShellAction.File => session.RunFile(options.Text, options.Arguments),
            ShellAction.Pester => RunTests(session, options.Arguments, options.ResultFile),
            _ => throw new UsageException($"{options.Action} is not available."),
        };
        return interruption.ExitCode ?? exitCode;
    }

    private static int RunTests(ShellSession session, IReadOnlyList<string> paths, string? resultFile)
    {
        var result = new PesterRun(session, new PesterReport(session.Terminal)).Run(PesterRun.FindFiles(paths));
        if (resultFile is not null)
        {
            result.Write(resultFile);
        }

        return result.ExitCode;
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

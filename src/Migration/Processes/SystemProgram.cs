using System.Diagnostics;

namespace PreRecordMigration.Processes;

/// <summary>How a program of the system ended.</summary>
/// <param name="ExitCode">Its exit code; null where it did not end in time and was ended.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Complaint">What it printed as errors.</param>
internal sealed record ProgramEnd(int? ExitCode, string Output, string Complaint);

/// <summary>Runs programs of the system, each to its end and for a bounded time, in a session of its own and in the C locale.</summary>
internal static class SystemProgram
{
    /// <summary>Where the system has its programs. The PATH is not asked: what is started here runs with root's rights.</summary>
    private static readonly string[] s_folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>How long one that was killed, or whose child has its streams, is waited for.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(3);

    /// <summary>The absolute path of a program; null where the system does not have it.</summary>
    public static string? Find(string name) => s_folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it reads; empty for nothing.</param>
    /// <param name="patience">How long it may take.</param>
    public static ProgramEnd Run(string path, IReadOnlyList<string> arguments, string input, TimeSpan patience)
    {
        ProcessStartInfo start = OwnSession.Of(path, arguments);
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> complaint = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it read; its exit code and its words say why.
        }

        if (!process.WaitForExit(patience))
        {
            Kill(process);
            process.WaitForExit(s_end);
            return new ProgramEnd(null, Taken(output), Taken(complaint));
        }

        Task.WaitAll([output, complaint], s_end);
        return new ProgramEnd(process.ExitCode, Taken(output), Taken(complaint));
    }

    private static string Taken(Task<string> text) => text.IsCompletedSuccessfully ? text.Result : "";

    /// <summary>Kills a program with its children.</summary>
    public static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or AggregateException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself, or hangs in the kernel.
        }
    }
}

using System.ComponentModel;
using System.Diagnostics;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Host;

/// <summary>What <c>xl</c> says when it is asked for the hypervisor's version: whether the toolstack is there and works.</summary>
/// <param name="IsFound">Whether it could be started.</param>
/// <param name="ExitCode">How it ended; 0 where it works with this hypervisor.</param>
/// <param name="Text">The version it printed, or the first line of what it complained about.</param>
internal sealed record XlAnswer(bool IsFound, int ExitCode, string Text)
{
    private const int LongestLine = 500;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Asks <c>xl</c>.</summary>
    internal static XlAnswer Ask() => Ask("xl");

    /// <summary>Asks a program in xl's place.</summary>
    internal static XlAnswer Ask(string program)
    {
        ProcessStartInfo start = new(program, ["info", "xen_version"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_patience))
            {
                // The toolstack waits for ever where xenstored is gone, so it is ended.
                process.Kill();
                process.WaitForExit();
                return new XlAnswer(true, -1, $"it did not answer in {s_patience.TotalSeconds} s.");
            }

            string said = process.ExitCode == 0 ? output.Result : errors.Result;
            return new XlAnswer(true, process.ExitCode, ForeignText.Show(FirstLine(said), LongestLine));
        }
        catch (Win32Exception)
        {
            return new XlAnswer(false, -1, "");
        }
    }

    private static string FirstLine(string text)
    {
        string line = text.Trim();
        int end = line.IndexOf('\n');
        return end < 0 ? line : line[..end].TrimEnd();
    }
}

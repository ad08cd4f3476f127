using System.Globalization;
using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Transports;

/// <summary>A receiver on another machine's loopback, as that machine's shell said where it is (<see cref="SshScript"/>).</summary>
/// <param name="Port">Its port.</param>
/// <param name="Key">The key of its user.</param>
internal sealed record SshReceiver(int Port, LoopbackKey Key)
{
    /// <summary>How long one may take to listen that is started there: PowerShell and the module take up to a minute on a slow host, and one that
    /// somebody else is starting is waited for.</summary>
    internal static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private const string RemedyPrefix = "remedy ";
    private const int LongestReason = 1500;
    private const int LongestName = 100;

    /// <summary>Whether what was said so far has it that a receiver is being started.</summary>
    internal static bool IsStarting(string said) => LinesOf(said).Contains(SshScript.Starting);

    /// <summary>What one that was started says where it cannot listen.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="remedy">What to do about it.</param>
    internal static string Refusal(string reason, string remedy) =>
        $"{reason.ReplaceLineEndings(" ")}\n{RemedyPrefix}{remedy.ReplaceLineEndings(" ")}\n";

    /// <summary>Understands what the shell said. A shell's start-up file may have printed something before it.</summary>
    /// <param name="said">All of it.</param>
    /// <param name="target">What ssh calls the machine.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>: it says of no receiver, with the reason.</exception>
    internal static SshReceiver Parse(string said, string target)
    {
        string[] lines = LinesOf(said);
        for (int line = 0; line < lines.Length; line++)
        {
            string[] words = lines[line].Split(' ');
            switch (words)
            {
                case [SshScript.Listens, var port, var key] when int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                    && number is > 0 and <= IPEndPoint.MaxPort:
                    return new SshReceiver(number, LoopbackKey.Parse(key, target));
                case [SshScript.Lacks, var program]:
                    throw None(
                        target,
                        $"there is no program '{ForeignText.Show(program, LongestName)}' on the PATH there",
                        program == "pwsh"
                            ? "Install PowerShell 7.6 and the module there, or start a receiver there and give its port: -Port."
                            : "Install util-linux there, or start a receiver there and give its port: -Port.");
                case [SshScript.Hangs, .. var process]:
                    throw Hangs(target, string.Concat(process));
                case [SshScript.Failed]:
                    throw Failed(target, lines[(line + 1)..]);
            }
        }

        throw None(
            target,
            "its shell says nothing of one when it is asked",
            "See that ssh may run any command there, not a single one; or start a receiver there, and give its port: -Port.");
    }

    private static MigrationException Failed(string target, string[] reasons)
    {
        string? remedy = Array.Find(reasons, line => line.StartsWith(RemedyPrefix, StringComparison.Ordinal))?[RemedyPrefix.Length..];
        string reason = ForeignText.ShowLines(
            string.Join('\n', reasons.Where(line => !line.StartsWith(RemedyPrefix, StringComparison.Ordinal))), LongestReason);
        return None(
            target,
            reason.Length > 0 ? $"the one that was started there ended: {reason}" : "the one that was started there ended without a word",
            remedy is null
                ? $"Install this version of the module there where PowerShell finds it by its name, and PowerShell 7.6. What is said there is in {SshScript.LogName}, beside {LoopbackKey.FileName}. Or start a receiver there and give its port: -Port."
                : $"On {target}: {ForeignText.ShowLines(remedy, LongestReason)}");
    }

    private static MigrationException Hangs(string target, string process)
    {
        bool isKnown = int.TryParse(process, NumberStyles.None, CultureInfo.InvariantCulture, out int id);
        string number = isKnown ? id.ToString(CultureInfo.InvariantCulture) : "PROCESS";
        return None(
            target,
            $"another one is being started there{(isKnown ? $", process {number}," : "")} and does not listen yet",
            $"Look at it there: ps -fp {number}, and {SshScript.LogName}, beside {LoopbackKey.FileName}. Where it hangs, end it (kill {number}) and try again; or start a receiver there and give its port: -Port.");
    }

    /// <summary>The error of a machine where no receiver listens and none could be started.</summary>
    internal static MigrationException None(string target, string reason, string remedy, Exception? cause = null) => new(
        MigrationErrorId.DestinationUnreachable,
        $"No migration receiver listens on the loopback of {target}, and none could be started: {reason.TrimEnd('.')}.",
        remedy,
        target,
        cause);

    private static string[] LinesOf(string said) => said.Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
}

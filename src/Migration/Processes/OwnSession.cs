using System.Diagnostics;

namespace PreRecordMigration.Processes;

/// <summary>
/// How children are started: in sessions of their own. What a terminal sends to all its processes (Ctrl+C, its closing) is for the
/// migration, which ends in an order of its own and may need its children for that.
/// </summary>
internal static class OwnSession
{
    /// <summary>Where util-linux has the program that starts another one in a session of its own.</summary>
    private const string Program = "/usr/bin/setsid";

    /// <summary>What starts a child whose three streams are ours.</summary>
    /// <param name="program">The child's program, by its path: setsid would say of a missing one only that it ended.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <remarks>Without util-linux the child is in our session, and must itself ignore what it should not hear.</remarks>
    public static ProcessStartInfo Of(string program, params IEnumerable<string> arguments)
    {
        bool isThere = File.Exists(Program);
        return new ProcessStartInfo(isThere ? Program : program, isThere ? [program, .. arguments] : arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
    }
}

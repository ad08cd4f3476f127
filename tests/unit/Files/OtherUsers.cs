using System.Diagnostics;

namespace PreRecordMigration.Tests.Files;

/// <summary>Files that are somebody else's, for tests that root runs.</summary>
internal static class OtherUsers
{
    /// <summary>The number of a user that this process is not.</summary>
    public const int Number = 12345;

    /// <summary>Gives a file, or a link itself, to another user; skips the test where that is not allowed.</summary>
    public static void Give(string path)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can give a file to another user.");
        Assert.Equal(0, Run("chown", "-h", $"{Number}", path));
    }

    /// <summary>Runs a program to its end.</summary>
    public static int Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}

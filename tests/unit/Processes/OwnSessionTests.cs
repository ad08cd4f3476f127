using System.Diagnostics;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

/// <summary>What a terminal sends to all its processes does not reach the children that a migration needs.</summary>
public sealed class OwnSessionTests
{
    [Fact]
    public async Task A_child_leads_a_session_of_its_own()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/setsid"), "util-linux is not installed.");
        using Process child = Process.Start(OwnSession.Of("/bin/sh", "-c", "cut -d ' ' -f 6 /proc/$$/stat"))!;
        string session = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(child.Id, int.Parse(session, null));
    }

    [Fact]
    public async Task Arguments_come_to_the_child_as_they_are()
    {
        string[] arguments = ["a b", "'", "$HOME", "-x"];
        using Process child = Process.Start(OwnSession.Of("/bin/sh", ["-c", "printf '%s\\n' \"$@\"", "sh", .. arguments]))!;
        string said = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(arguments, said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}

using System.Diagnostics;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Files;

/// <summary>Where a user's key stands, by this process' rule and by that of a shell on another machine.</summary>
public class RuntimeFolderTests
{
    private const string System = "XDG_RUNTIME_DIR";

    public static TheoryData<string?, string?, string> Environments => new()
    {
        { null, null, "/home/ann/.local/state/prerecord" },
        { null, "", "/home/ann/.local/state/prerecord" },
        { null, "/run/user/7", "/run/user/7/prerecord" },

        // The specification of that variable: a path that is not absolute is invalid, and ignored.
        { null, "run", "/home/ann/.local/state/prerecord" },
        { null, "./run/user/7", "/home/ann/.local/state/prerecord" },
        { "/somewhere", "/run/user/7", "/somewhere" },
        { "", "/run/user/7", "/run/user/7/prerecord" },
    };

    [Theory]
    [MemberData(nameof(Environments))]
    public void A_user_has_it_where_the_system_says_by_an_absolute_path(string? own, string? system, string expected) =>
        Assert.Equal(expected, RuntimeFolder.Find(Variables(own, system), isRoot: false, "/home/ann"));

    [Theory]
    [MemberData(nameof(Environments))]
    public void A_shell_finds_it_by_the_same_rule(string? own, string? system, string expected)
    {
        // As a user who is not root, whoever runs this.
        ProcessStartInfo start = OwnSession.Of("/bin/sh", "-c", "id() { echo 7; }; echo \"" + RuntimeFolder.InShell + "\"");
        start.RedirectStandardOutput = true;
        start.Environment["HOME"] = "/home/ann";
        foreach (string name in new[] { RuntimeFolder.VariableName, System })
        {
            start.Environment.Remove(name);
            if (Variables(own, system)(name) is { } value)
            {
                start.Environment[name] = value;
            }
        }

        using Process shell = Process.Start(start)!;
        Assert.Equal(expected, shell.StandardOutput.ReadToEnd().Trim());
        shell.WaitForExit();
    }

    [Fact]
    public void Root_has_it_in_one_place() =>
        Assert.Equal("/run/prerecord", RuntimeFolder.Find(Variables(null, "/run/user/0"), isRoot: true, "/root"));

    [Theory]
    [InlineData("run", "/home/ann")]
    [InlineData(null, "")]
    [InlineData(null, "home")]
    public void What_depends_on_the_current_folder_is_refused(string? own, string home)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => RuntimeFolder.Find(Variables(own, null), isRoot: false, home));
        Assert.Equal(MigrationErrorId.InvalidOption, error.ErrorId);
        Assert.Contains(RuntimeFolder.VariableName, error.Remedy, StringComparison.Ordinal);
    }

    private static Func<string, string?> Variables(string? own, string? system) =>
        name => name == RuntimeFolder.VariableName ? own : name == System ? system : null;
}

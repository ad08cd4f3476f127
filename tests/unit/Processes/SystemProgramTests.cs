using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

public sealed class SystemProgramTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);

    [Fact]
    public void What_it_reads_prints_and_complains_of_and_how_it_ends_is_known()
    {
        ProgramEnd end = SystemProgram.Run("/bin/sh", ["-c", "cat; echo \"$LC_ALL $1\" >&2; exit 3", "sh", "a word"], "read\n", s_long);
        Assert.Equal(new ProgramEnd(3, "read\n", "C a word\n"), end);
    }

    [Fact]
    public void One_that_does_not_end_is_ended()
    {
        Assert.Null(SystemProgram.Run("/bin/sh", ["-c", "echo begun; exec sleep 1000"], "", TimeSpan.FromMilliseconds(200)).ExitCode);
    }

    [Fact]
    public void One_that_ends_before_it_has_read_everything_is_no_error_of_ours()
    {
        Assert.Equal(0, SystemProgram.Run("/bin/true", [], new string('x', 1 << 20), s_long).ExitCode);
    }

    [Fact]
    public void A_program_is_looked_for_where_the_system_has_its_own()
    {
        Assert.EndsWith("/sh", SystemProgram.Find("sh"), StringComparison.Ordinal);
        Assert.Null(SystemProgram.Find("no-such-program"));
    }
}

using PreRecordMigration.Shell.CommandLine;

namespace PreRecordMigration.Tests.Shell;

public class ShellOptionsParserTests
{
    [Fact]
    public void Everything_after_the_script_belongs_to_the_script()
    {
        var options = ShellOptionsParser.Parse(["-ModulePath", "a", "--modulepath", "b", "-File", "s.ps1", "-NoModule", "x"]);

        Assert.Equal(ShellAction.File, options.Action);
        Assert.Equal("s.ps1", options.Text);
        Assert.Equal(["-NoModule", "x"], options.Arguments);
        Assert.Equal(["a", "b"], options.ModulePaths);
        Assert.True(options.ImportModule);
    }

    [Fact]
    public void Test_paths_end_at_the_next_option()
    {
        var options = ShellOptionsParser.Parse(["-Pester", "a", "b", "-ResultFile", "r.json", "-NoModule"]);

        Assert.Equal(ShellAction.Pester, options.Action);
        Assert.Equal(["a", "b"], options.Arguments);
        Assert.Equal("r.json", options.ResultFile);
        Assert.False(options.ImportModule);
    }

    [Theory]
    [InlineData]
    [InlineData("stray")]
    [InlineData("-Bogus")]
    [InlineData("-Command")]
    [InlineData("-Command", "1", "-Serve")]
    [InlineData("-Pester")]
    [InlineData("-Width", "5", "-Serve")]
    [InlineData("-Serve", "-ResultFile", "r.json")]
    public void What_makes_no_sense_is_refused(params string[] arguments) =>
        _ = Assert.Throws<UsageException>(() => ShellOptionsParser.Parse(arguments));
}

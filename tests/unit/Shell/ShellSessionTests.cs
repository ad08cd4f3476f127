using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Tests.Shell;

public sealed class ShellSessionTests : IDisposable
{
    private readonly ShellFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Objects_are_shown_by_the_modules_own_table_view()
    {
        using var session = _fixture.Open(_fixture.SampleModule());

        Assert.Equal(0, session.RunText("Get-Sample"));

        Assert.Equal(
            ["Thing  Size(B)", "-----  -------", "thing1    4096", "thing2    8192"],
            _fixture.Output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
        Assert.Equal("", _fixture.Error.ToString());
    }

    [Theory]
    [InlineData("1 + 1", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("exit 0", 0)]
    [InlineData("throw 'no'", 1)]
    [InlineData("if (", 1)]
    [InlineData("'a'; 1/0", 1)]
    [InlineData("1/0; 'a' # comment", 0)]
    [InlineData("Get-NoSuchCommand", 1)]
    [InlineData("param($a) begin { 1 } end { 2 }", 0)]
    public void The_exit_code_says_how_the_text_ended(string text, int expected)
    {
        using var session = _fixture.Open();

        Assert.Equal(expected, session.RunText(text));
    }

    [Fact]
    public void Variables_stay_from_one_command_to_the_next_after_errors_too()
    {
        using var session = _fixture.Open();

        Assert.Equal(0, session.RunText("$x = 41"));
        Assert.Equal(1, session.RunText("throw 'between'"));
        Assert.Equal(0, session.RunText("$x + 1"));

        Assert.Equal("42\n", _fixture.Output.ToString());
    }

    [Fact]
    public void A_script_gets_its_arguments_and_its_exit_code_is_returned()
    {
        using var session = _fixture.Open();
        var script = _fixture.File("a.ps1", """
            param($Name, [switch] $Fast, $Size)
            "$Name $Fast $Size $($args -join '+') $([IO.Path]::GetFileName($PSScriptRoot) -eq [IO.Path]::GetFileName($PSCommandPath.Replace('/a.ps1', '')))"
            exit 9
            """);

        var exitCode = session.RunFile(script, ["-Name", "n", "-Fast", "-Size:$true", "rest", "--", "-more"]);

        Assert.Equal(9, exitCode);
        Assert.Equal("n True True rest+-more True\n", _fixture.Output.ToString());
    }

    [Fact]
    public void A_program_that_failed_inside_a_script_does_not_set_the_exit_code()
    {
        using var session = _fixture.Open();

        Assert.Equal(0, session.RunFile(_fixture.File("a.ps1", "/bin/false\n'went on'"), []));
        Assert.Equal(1, session.RunFile(_fixture.File("b.ps1", "throw 'stop'"), []));
        Assert.Equal(1, session.RunFile(Path.Combine(_fixture.Root, "none.ps1"), []));
    }

    [Fact]
    public void Streams_go_where_they_belong()
    {
        using var session = _fixture.Open();

        Assert.Equal(0, session.RunText("""
            function Test-Streams { [CmdletBinding()] param()
                $PSCmdlet.WriteObject('output')
                $PSCmdlet.WriteWarning('careful')
                $PSCmdlet.WriteVerbose('step')
                $PSCmdlet.WriteInformation([System.Management.Automation.InformationRecord]::new('milestone', 'x'))
                $e = [System.Management.Automation.ErrorRecord]::new([Exception]::new('broke'), 'ItBroke', 'InvalidOperation', 'it')
                $e.ErrorDetails = [System.Management.Automation.ErrorDetails]::new('broke badly')
                $e.ErrorDetails.RecommendedAction = 'mend it'
                $PSCmdlet.WriteError($e)
            }
            Test-Streams -Verbose -InformationAction Continue
            'end'
            """));

        Assert.Equal("output\nmilestone\nend\n", _fixture.Output.ToString());
        var error = _fixture.Error.ToString();
        Assert.StartsWith("WARNING: careful\nVERBOSE: step\nTest-Streams: broke badly\n", error, StringComparison.Ordinal);
        Assert.Contains("error id: ItBroke,Test-Streams\n  recommended: mend it\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nobody_answers_a_confirmation_is_an_error_and_nothing_is_done()
    {
        using var session = _fixture.Open();

        Assert.Equal(1, session.RunText("""
            function Test-Confirm { [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')] param()
                if ($PSCmdlet.ShouldProcess('vm')) { 'done' } }
            try { Test-Confirm } catch { throw }
            """));

        Assert.Equal("", _fixture.Output.ToString());
        Assert.Contains("not interactive", _fixture.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_confirmation_is_asked_until_the_answer_is_one_of_the_choices()
    {
        using var fixture = new ShellFixture(new StringReader("perhaps\nY\n"));
        using var session = fixture.Open();

        Assert.Equal(0, session.RunText("""
            function Test-Confirm { [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')] param()
                if ($PSCmdlet.ShouldProcess('vm')) { 'done' } }
            Test-Confirm
            """));

        Assert.EndsWith("done\n", fixture.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_ends_the_command_and_the_call_returns_after_its_finally_block()
    {
        using var output = new SignallingWriter("started");
        using var session = ShellSession.Open(new ShellTerminal(output, output, 100), null);
        var run = Task.Factory.StartNew(
            () => session.RunText(
                "$host.UI.WriteLine('started'); try { while ($true) { } } finally { $host.UI.WriteLine('unwound') }"),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await output.Written;

        session.Stop();

        Assert.Equal(ExitCodes.Interrupted, await run);
        Assert.Equal("started\nunwound\n", output.ToString());
        Assert.Equal(0, session.RunText("'next'"));
    }

    [Fact]
    public void A_module_that_does_not_load_is_a_start_error()
    {
        var manifest = _fixture.File("PreRecordMigration/PreRecordMigration.psd1", "@{ ModuleVersion = '1.0'; RootModule = 'gone.psm1' }");

        _ = Assert.Throws<ShellStartException>(() => _fixture.Open(manifest));

        Assert.Contains("gone.psm1", _fixture.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_module_is_found_in_given_directories_and_around_the_executable()
    {
        var manifest = _fixture.SampleModule();
        var moduleDirectory = Path.GetDirectoryName(manifest)!;
        var executable = Path.Combine(_fixture.Root, "shell");
        var beside = _fixture.File("module/PreRecordMigration/PreRecordMigration.psd1", "@{ ModuleVersion = '2.0' }");

        Assert.Equal(manifest, ModuleLocator.Find([moduleDirectory], executable).Manifest);
        Assert.Equal(manifest, ModuleLocator.Find([_fixture.Root], executable).Manifest);
        Assert.Equal(beside, ModuleLocator.Find([], executable).Manifest);
        var (nothing, searched) = ModuleLocator.Find([executable], Path.Combine(executable, "deep"));
        Assert.Null(nothing);
        Assert.Equal(executable, searched[0]);
    }
}

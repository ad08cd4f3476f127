using PreRecordMigration.Shell.Hosting;

namespace PreRecordMigration.Tests.Shell;

/// <summary>A terminal whose text a test reads, and a directory that goes away with it.</summary>
internal sealed class ShellFixture : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("shell-test-");

    public ShellFixture(TextReader? input = null) => Terminal = new ShellTerminal(Output, Error, 100, input);

    public StringWriter Output { get; } = new();

    public StringWriter Error { get; } = new();

    public ShellTerminal Terminal { get; }

    public string Root => _directory.FullName;

    public ShellSession Open(string? manifest = null) => ShellSession.Open(Terminal, manifest);

    public string File(string name, string content)
    {
        var path = Path.Combine(_directory.FullName, name);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    /// <summary>A module with one function and a table view.</summary>
    public string SampleModule()
    {
        _ = File("PreRecordMigration/Sample.psm1", """
            function Get-Sample {
                foreach ($i in 1, 2) { [pscustomobject]@{ PSTypeName = 'Sample.Thing'; Name = "thing$i"; Bytes = $i * 4096; Hidden = 'no' } }
            }
            """);
        _ = File("PreRecordMigration/Sample.Format.ps1xml", """
            <Configuration><ViewDefinitions><View><Name>Thing</Name>
            <ViewSelectedBy><TypeName>Sample.Thing</TypeName></ViewSelectedBy>
            <TableControl><TableHeaders>
            <TableColumnHeader><Label>Thing</Label></TableColumnHeader>
            <TableColumnHeader><Label>Size(B)</Label><Alignment>Right</Alignment></TableColumnHeader>
            </TableHeaders><TableRowEntries><TableRowEntry><TableColumnItems>
            <TableColumnItem><PropertyName>Name</PropertyName></TableColumnItem>
            <TableColumnItem><PropertyName>Bytes</PropertyName></TableColumnItem>
            </TableColumnItems></TableRowEntry></TableRowEntries></TableControl></View></ViewDefinitions></Configuration>
            """);
        return File("PreRecordMigration/PreRecordMigration.psd1", """
            @{ RootModule = 'Sample.psm1'; ModuleVersion = '1.0'; FunctionsToExport = 'Get-Sample'
               FormatsToProcess = 'Sample.Format.ps1xml' }
            """);
    }

    public void Dispose() => _directory.Delete(recursive: true);
}

/// <summary>A writer that tells when a text has been written to it.</summary>
internal sealed class SignallingWriter(string awaited) : StringWriter
{
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Written => _written.Task;

    public override void Write(string? value)
    {
        base.Write(value);
        if (value?.Contains(awaited, StringComparison.Ordinal) == true)
        {
            _ = _written.TrySetResult();
        }
    }
}

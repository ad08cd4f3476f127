using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Reports;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Export-MigrationReport: writes what migrations did, would cost, or how they ended, for whoever looks at it (HTML) or reads it by a program (JSON, CSV).
/// </summary>
[Cmdlet(VerbsData.Export, "MigrationReport", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(FileInfo))]
public sealed class ExportMigrationReportCommand : MigrationCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";
    private readonly ReportInput _input = new();
    private readonly List<PSObject> _given = [];

    /// <summary>What it is of: results, ended migrations, reports of Test-Migration, what Measure-Migration and Measure-PageOrder return, entries of the history.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>The file; .json and .csv say the format where -Format does not.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = string.Empty;

    /// <summary>The file, its name taken as it stands.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string LiteralPath { get; set; } = string.Empty;

    /// <summary>How it is written; by the file's extension where it is not given, and HTML where that says nothing.</summary>
    [Parameter]
    public MigrationReportFormat? Format { get; set; }

    /// <summary>Writes over a file that is there already.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Returns what was given instead of the file.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // A path that cannot be written to is found out before anything upstream moves a domain.
        ForCommand(() => Target());
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (PSObject given in InputObject)
        {
            ForEachInput(given, () =>
            {
                _input.Add(given);
                _given.Add(given);
            });
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => ForCommand(() =>
    {
        if (_given.Count == 0)
        {
            // Each input that is none had its error; a report of nothing would hide that.
            return;
        }

        ReportContent content = _input.Content(TimeProvider.System.GetLocalNow());
        (string path, WritableFile file) = Target();
        MigrationReportFormat format = Format ?? FormatOf(path);
        if (format == MigrationReportFormat.Csv && ReportCsv.KindsOf(content) is { Count: > 1 } kinds)
        {
            throw new CommandException(
                nameof(SR.ReportMixed), ErrorCategory.InvalidArgument, Text.Format(SR.ReportMixed, string.Join(", ", kinds)), SR.ReportMixedRemedy, path);
        }

        if (!ShouldProcess(path, Text.Format(SR.ActionExportReport, format, content.Count)))
        {
            return;
        }

        string written = RunJoined((_, _) => FileErrors.Of(path, () =>
        {
            file.Write(null, stream => Write(stream, content, format));
            return path;
        }));
        if (PassThru)
        {
            WriteObject(_given, enumerateCollection: true);
            return;
        }

        // As Get-Item returns it: with the folder that its view shows.
        WriteObject(InvokeProvider.Item.Get([written], force: true, literalPath: true), enumerateCollection: true);
    });

    private static void Write(FileStream stream, ReportContent content, MigrationReportFormat format)
    {
        switch (format)
        {
            case MigrationReportFormat.Json:
                ReportJson.Write(stream, content);
                break;
            case MigrationReportFormat.Csv:
                ReportCsv.Write(stream, content);
                break;
            default:
                ReportPage.Write(stream, content);
                break;
        }
    }

    private static MigrationReportFormat FormatOf(string path) => System.IO.Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".JSON" => MigrationReportFormat.Json,
        ".CSV" => MigrationReportFormat.Csv,
        _ => MigrationReportFormat.Html,
    };

    private (string Path, WritableFile File) Target()
    {
        string path = FilePaths.Target(this, ParameterSetName == LiteralPathSet ? LiteralPath : Path);
        return (path, FileErrors.Of(path, () => WritableFile.At(path, Force)));
    }
}

using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Import-PreRecord: reads what a recording saw from files.</summary>
[Cmdlet(VerbsData.Import, "PreRecord", DefaultParameterSetName = PathSet)]
[OutputType(typeof(PreRecord))]
public sealed class ImportPreRecordCommand : MigrationCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>Files, with wildcards; those with the extension .csv are text.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Files, their names taken as they stand.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>How long an epoch was; for CSV, which does not say it.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Epoch { get; set; } = PreRecordFile.DefaultEpoch;

    /// <summary>The guest's page count; for CSV. One above the highest page where it is not given.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? PageCount { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (Epoch <= TimeSpan.Zero)
        {
            throw new CommandException(
                nameof(SR.EpochRange), ErrorCategory.InvalidArgument, Text.Format(SR.EpochRange, Epoch), SR.EpochRangeRemedy, Epoch);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string path in isLiteral ? LiteralPath : Path)
        {
            ForEachInput(path, () =>
            {
                foreach (string file in FilePaths.Existing(this, path, isLiteral))
                {
                    ForEachInput(file, () => WriteObject(RunJoined((writer, token) =>
                        FileErrors.Of(file, () => PreRecordFile.Read(file, Epoch, PageCount, writer, token)))));
                }
            });
        }
    }
}

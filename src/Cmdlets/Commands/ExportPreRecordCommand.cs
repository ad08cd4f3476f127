using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Export-PreRecord: writes what a recording saw into a file. A recording that nobody has but the pipeline that made it has served
/// its purpose then, and its domain runs on.
/// </summary>
[Cmdlet(VerbsData.Export, "PreRecord", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(FileInfo), typeof(PreRecord))]
public sealed class ExportPreRecordCommand : MigrationCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>The recording.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Recorded]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>The file; with the extension .csv as text.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = string.Empty;

    /// <summary>The file, its name taken as it stands.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string LiteralPath { get; set; } = string.Empty;

    /// <summary>Writes over a file that is there already.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Returns the recording instead of the file: it stays held, to be moved.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Where a command upstream is still to record, a path that cannot be written to is found out before a domain stands still for it.
        // A path that is a script block is known only when there is a recording.
        if (MyInvocation.PipelinePosition > 1 && Given.Length > 0)
        {
            ForCommand(() => Target());
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () => ForRecording(PreRecord, isMove: false, () =>
    {
        RecordingRegistry.RequireRecorded(PreRecord);
        (string path, WritableFile file) = Target();
        if (!ShouldProcess(path, Text.Format(SR.ActionExport, PreRecord.Name, PreRecord.GetTrajectory().Count)))
        {
            LetGoDeclined(PreRecord);
            return;
        }

        string written = RunJoined((writer, token) => FileErrors.Of(path, () =>
        {
            PreRecordFile.Write(file, PreRecord, writer, token);
            return path;
        }));
        if (PassThru)
        {
            WriteObject(PreRecord);
            return;
        }

        LetGoExported();

        // As Get-Item returns it: with the folder that its view shows, and the path that Import-PreRecord takes.
        WriteObject(InvokeProvider.Item.Get([written], force: true, literalPath: true), enumerateCollection: true);
    }));

    private string Given => ParameterSetName == LiteralPathSet ? LiteralPath : Path;

    private (string Path, WritableFile File) Target()
    {
        string path = FilePaths.Target(this, Given);
        return (path, FileErrors.Of(path, () => WritableFile.At(path, Force)));
    }

    /// <summary>Lets a recording go that nobody has any more; of one that somebody has it is said until when it is held.</summary>
    private void LetGoExported()
    {
        if (Workspace.OfProcess.Recordings.LetGoDeclined(PreRecord))
        {
            WriteStep(Text.Format(SR.VerboseExported, PreRecord.Name));
        }
        else if (Workspace.OfProcess.Recordings.HeldOf(PreRecord) is { } held)
        {
            WriteStep(Text.Format(SR.VerboseStillHeld, PreRecord.Name, held.HeldUntil));
        }
    }
}

using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Stop-PreRecord: discards a recording; the domain runs on.</summary>
[Cmdlet(VerbsLifecycle.Stop, "PreRecord", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(Hypervisor.DomainInfo))]
public sealed class StopPreRecordCommand : MigrationCmdlet
{
    private const string NameSet = "Name";
    private const string RecordingSet = "PreRecord";

    /// <summary>Names or wildcard patterns of the recorded domains.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(RecordedDomainCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The recording that Start-PreRecord or Get-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = RecordingSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Recorded]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>Returns the domain, which runs on.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == RecordingSet)
        {
            ForEachInput(PreRecord.Name, () => LetGo(Workspace.OfProcess.Recordings.Require(PreRecord)));
            return;
        }

        foreach (string name in Name)
        {
            IReadOnlyList<LiveRecording> held = [];
            ForEachInput(name, () => held = RecordingSelection.Match(name));
            foreach (LiveRecording recording in held)
            {
                ForEachInput(recording.Location.Info.Name, () => LetGo(recording));
            }
        }
    }

    private void LetGo(LiveRecording recording)
    {
        string domain = recording.Location.Info.Name;
        if (!ShouldProcess(Text.Format(SR.TargetDomain, domain, recording.Location.Host.Name), SR.ActionStopRecord))
        {
            return;
        }

        Workspace.OfProcess.Recordings.Take(recording.Snapshot);
        RunJoined(
            (_, _) =>
            {
                recording.Dispose();
                return true;
            },
            Text.Format(SR.StillRecording, domain, recording.Location.Host.Name),
            isEnding: true,
            late =>
            {
                if (late.Exception?.InnerException is { } error)
                {
                    Workspace.OfProcess.Recordings.NoteFailure(recording, error);
                }
            });
        if (PassThru)
        {
            WriteObject(DomainLocation.Find(domain, recording.Location.Host).Info);
        }
    }
}

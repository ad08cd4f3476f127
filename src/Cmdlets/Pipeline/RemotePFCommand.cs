using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Decides for a recorded domain whether memory may arrive after it runs at the destination.</summary>
public abstract class RemotePFCommand : RecordingInputCommand
{
    /// <summary>Where the domain is to go: a host that Get-MigrationHost lists, or a receiver of another process on this machine, such as localhost:7000.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    private protected abstract bool IsOn { get; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (Destination is not null)
        {
            _ = HostSelection.Destination(Destination);
        }
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () => ForRecording(PreRecord, isMove: false, () =>
    {
        bool isMeant = ShouldProcess(
            TargetText,
            Text.Format(SR.ActionRemotePF, IsOn ? SR.On : SR.Off));

        WriteDecided(isMeant, PreRecord with { RemotePF = IsOn, Destination = Destination ?? PreRecord.Destination });
    }));
}

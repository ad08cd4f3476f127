using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-PreRecord: the recordings that this process holds, each with its holder and its end.</summary>
[Cmdlet(VerbsCommon.Get, "PreRecord")]
[OutputType(typeof(PreRecord))]
public sealed class GetPreRecordCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of the recorded domains; all of them where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(RecordedDomainCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in Name)
        {
            ForEachInput(name, () => WriteObject(RecordingSelection.Match(name).Select(Show), enumerateCollection: true));
        }
    }

    /// <summary>A copy of the recording that prints with its holder; the one that somebody has in a variable prints as before.</summary>
    private static PSObject Show(LiveRecording held)
    {
        PSObject shown = new(held.Snapshot with { });
        shown.TypeNames.Insert(0, typeof(PreRecord).FullName + "#Held");
        return shown;
    }
}

using System.Management.Automation;

namespace PreRecordMigration.Cmdlets;

/// <summary>Get-MigrationConfiguration: every setting with its value, and where that comes from.</summary>
[Cmdlet(VerbsCommon.Get, "MigrationConfiguration")]
[OutputType(typeof(MigrationSettingInfo))]
public sealed class GetMigrationConfigurationCommand : MigrationCmdlet
{
    /// <summary>Names or wildcard patterns of settings; all of them where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(SettingNameCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForCommand(() =>
    {
        IReadOnlyList<MigrationSettingInfo> settings = MigrationConfiguration.Read();
        if (Name is null)
        {
            WriteObject(settings, enumerateCollection: true);
            return;
        }

        foreach (string name in Name)
        {
            ForEachInput(name, () => WriteObject(
                NameRule.Find(name, settings, setting => setting.Name).OrNoneOfPattern(() => SettingNames.NotFound(name)),
                enumerateCollection: true));
        }
    });
}

using System.Collections;
using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Completes the names of settings.</summary>
public sealed class SettingNameCompleter : NameCompleter
{
    private protected override IEnumerable<(string Name, string ToolTip)> Candidates(IDictionary bound) =>
        MigrationSettings.All.Select(setting => (setting.Name, $"{setting.Name}: {setting.Allowed}"));
}

/// <summary>Finds settings by the name that somebody gave.</summary>
internal static class SettingNames
{
    /// <summary>Finds a setting.</summary>
    /// <exception cref="CommandException">There is none of that name.</exception>
    public static MigrationSetting Require(string name) => MigrationSettings.Find(name) ?? throw NotFound(name);

    /// <summary>The error of a name that no setting has.</summary>
    public static CommandException NotFound(string name) => new(
        nameof(SR.SettingNotFound),
        ErrorCategory.ObjectNotFound,
        Text.Format(SR.SettingNotFound, name),
        Text.Format(SR.SettingUnknownRemedy, string.Join(", ", MigrationSettings.All.Select(setting => setting.Name))),
        name);
}

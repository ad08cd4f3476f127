using System.Collections;
using System.Globalization;
using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Set-MigrationConfiguration: sets a default for this process, until it ends or the setting is cleared.</summary>
[Cmdlet(VerbsCommon.Set, "MigrationConfiguration", DefaultParameterSetName = "Value", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(MigrationSettingInfo))]
public sealed class SetMigrationConfigurationCommand : MigrationCmdlet
{
    /// <summary>The setting.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(SettingNameCompleter))]
    public string Name { get; set; } = "";

    /// <summary>Its value, as the parameter of that name takes it. From the pipeline nothing means that nothing is set: -Clear.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "Value", ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public object? Value { get; set; }

    /// <summary>Takes the value of this process away: what the environment or a file says holds again.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Clear")]
    public SwitchParameter Clear { get; set; }

    /// <summary>Returns the setting as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(Name, () =>
    {
        MigrationSetting setting = SettingNames.Require(Name);
        if (!Clear && Value is null && !MyInvocation.ExpectingInput)
        {
            throw new CommandException(
                nameof(SR.SettingValueMissing),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.SettingValueMissing, setting.Name),
                Text.Format(SR.SettingValueMissingRemedy, setting.Name, setting.Allowed),
                setting.Name);
        }

        string? text = Clear || Value is null ? null : TextOf(Value);
        if (text is not null)
        {
            // The value is checked before -WhatIf is asked, which so finds out what is wrong as well.
            MigrationConfiguration.Check(setting, text);
        }

        if (ShouldProcess(Text.Format(SR.TargetSetting, setting.Name), text is null ? SR.ActionClearSetting : Text.Format(SR.ActionSetSetting, text)))
        {
            MigrationConfiguration.SetForSession(setting, text);
            if (PassThru)
            {
                WriteObject(MigrationConfiguration.Read().First(info => info.Name == setting.Name));
            }
        }
    });

    private static string TextOf(object value)
    {
        // A number stays wrapped: 9s in an argument is PowerShell's short integer 9 with the text "9s".
        object bare = value is PSObject { BaseObject: not (PSCustomObject or IFormattable) or TimeSpan } wrapped ? wrapped.BaseObject : value;
        return bare switch
        {
            string text => text,
            TimeSpan time => time.ToString("c", CultureInfo.InvariantCulture),
            IEnumerable items => string.Join(',', items.Cast<object>().Select(QuantityText.Of)),
            _ => QuantityText.Of(bare),
        };
    }
}

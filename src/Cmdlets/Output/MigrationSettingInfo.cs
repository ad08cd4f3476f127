namespace PreRecordMigration.Cmdlets;

/// <summary>A setting with its value, and where that comes from.</summary>
/// <param name="Name">The setting: the default of the parameter of the same name.</param>
/// <param name="Value">What holds now; null for nothing.</param>
/// <param name="Source">Where it comes from.</param>
/// <param name="Origin">The file or the variable; empty for a default.</param>
/// <param name="Default">What holds where nothing is configured.</param>
/// <param name="Allowed">What it may be.</param>
/// <param name="Variable">The environment variable that sets it.</param>
public sealed record MigrationSettingInfo(
    string Name, object? Value, SettingSource Source, string Origin, object? Default, string Allowed, string Variable);

/// <summary>Where the value of a setting comes from, the strongest first. A parameter that is given goes before all.</summary>
public enum SettingSource : long
{
    /// <summary>Set-MigrationConfiguration, for this process.</summary>
    Session,

    /// <summary>An environment variable.</summary>
    Environment,

    /// <summary>The user's file.</summary>
    UserFile,

    /// <summary>The system's file.</summary>
    SystemFile,

    /// <summary>Nothing is configured.</summary>
    Default,
}

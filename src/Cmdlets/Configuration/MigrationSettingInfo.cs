namespace PreRecordMigration.Cmdlets;

/// <summary>A setting with its value, and where that comes from.</summary>
public sealed record MigrationSettingInfo
{
    private readonly MigrationSetting _setting;

    /// <summary>Describes a setting.</summary>
    /// <param name="setting">Which.</param>
    /// <param name="value">What holds now; null for nothing.</param>
    /// <param name="source">Where it comes from.</param>
    /// <param name="origin">The file or the variable; empty for a default.</param>
    internal MigrationSettingInfo(MigrationSetting setting, object? value, SettingSource source, string origin) =>
        (_setting, Typed, Source, Origin) = (setting, value, source, origin);

    /// <summary>The setting: the default of the parameter of the same name.</summary>
    public string Name => _setting.Name;

    /// <summary>What holds now; null for nothing. A duration has its unit with it here (ISO 8601), and is a TimeSpan to PowerShell.</summary>
    public object? Value => Flat.Of(Typed);

    /// <summary>Where it comes from.</summary>
    public SettingSource Source { get; }

    /// <summary>The file or the variable; empty for a default.</summary>
    public string Origin { get; }

    /// <summary>What holds where nothing is configured, as <see cref="Value"/>.</summary>
    public object? Default => Flat.Of(_setting.Default);

    /// <summary>What it may be.</summary>
    public string Allowed => _setting.Allowed;

    /// <summary>The environment variable that sets it.</summary>
    public string Variable => MigrationSetting.VariablePrefix + _setting.VariableKey;

    /// <summary>What holds now, as the parameter of that name takes it.</summary>
    internal object? Typed { get; }

    /// <summary>What PowerShell shows as Value.</summary>
    public object? GetValue() => Flat.Listing(Typed);

    /// <summary>What PowerShell shows as Default.</summary>
    public object? GetDefault() => Flat.Listing(_setting.Default);
}

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

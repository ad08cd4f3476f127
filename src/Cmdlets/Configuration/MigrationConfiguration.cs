using System.Collections.Concurrent;
using System.Management.Automation;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using PreRecordMigration.Errors;
using PreRecordMigration.Estimates;
using PreRecordMigration.Files;
using PreRecordMigration.History;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// What is configured: for the session, in the environment, in the user's file and in the system's, in this order of
/// precedence. A parameter that is given goes before all of them, the default comes after.
/// </summary>
internal static class MigrationConfiguration
{
    /// <summary>The variables that name other files than the usual ones.</summary>
    private const string UserFileVariable = "PRERECORD_CONFIGURATION";

    private const string SystemFileVariable = "PRERECORD_SYSTEM_CONFIGURATION";

    /// <summary>The variables that are no settings; the engine reads the last ones when Xen is opened.</summary>
    private static readonly string[] OtherVariables =
    [
        UserFileVariable, SystemFileVariable, RuntimeFolder.VariableName, StateFolder.VariableName, MigrationHistory.JournalVariableName, "PRERECORD_OVERLAY_DIRECTORY", "PRERECORD_XEN_LIBRARY",
        "PRERECORD_HVM_DEVICES",
        "PRERECORD_XEN_PAGING",
    ];

    private static readonly ConcurrentDictionary<string, string?> Session = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The most bytes that are read of a file: more than any settings need.</summary>
    private const int LargestFile = 1 << 20;

    /// <summary>The user's file; null where neither $XDG_CONFIG_HOME nor a home is an absolute path: then there is none.</summary>
    public static string? UserFile
    {
        get
        {
            // Without that option the path of a folder that is not there would be empty, which means the current folder.
            string folder = Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return NamedBy(UserFileVariable)
                ?? (Path.IsPathFullyQualified(folder) ? Path.Combine(folder, "prerecord", "settings.json") : null);
        }
    }

    /// <summary>The system's file.</summary>
    public static string SystemFile => NamedBy(SystemFileVariable) ?? "/etc/prerecord/settings.json";

    /// <summary>Sets something for this process; null takes it away again.</summary>
    public static void SetForSession(MigrationSetting setting, string? text)
    {
        if (text is null)
        {
            Session.TryRemove(setting.Name, out _);
            return;
        }

        Session[setting.Name] = text;
    }

    /// <summary>Refuses a value that a setting cannot have.</summary>
    /// <exception cref="CommandException">It cannot; the message says what is allowed.</exception>
    public static void Check(MigrationSetting setting, string text) => Parse(setting, text, SettingSource.Session, "");

    /// <summary>Every setting with its value and where that comes from, as it is now.</summary>
    /// <exception cref="CommandException">A file or variable has something wrong; the message names it, the key and what is allowed.</exception>
    /// <exception cref="MigrationException">A file may not be read, or others may write it (<see cref="TrustedFile"/>).</exception>
    public static IReadOnlyList<MigrationSettingInfo> Read()
    {
        List<Layer> layers =
        [
            new(SettingSource.Session, "Set-MigrationConfiguration", new ConfigurationBuilder().AddInMemoryCollection(Session).Build(), false),
            new(
                SettingSource.Environment,
                MigrationSetting.VariablePrefix,
                new ConfigurationBuilder().AddEnvironmentVariables(MigrationSetting.VariablePrefix).Build(),
                false),
        ];
        layers.AddRange(ReadFile(SettingSource.UserFile, UserFile, UserFileVariable));
        layers.AddRange(ReadFile(SettingSource.SystemFile, SystemFile, SystemFileVariable));
        RequireKnownVariables();
        foreach (Layer file in layers.Where(layer => layer.IsStrict))
        {
            file.RequireKnownKeys();
        }

        return [.. MigrationSettings.All.Select(setting => Resolve(setting, layers))];
    }

    /// <summary>The link that estimates reckon with where nothing else is said.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static LinkSpeed ReadLink()
    {
        IReadOnlyList<MigrationSettingInfo> settings = Read();
        return new LinkSpeed((long)Typed(settings, "Bandwidth")!, (TimeSpan)Typed(settings, "RoundTrip")!);
    }

    /// <summary>How much the history keeps.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static HistoryLimits ReadHistoryLimits()
    {
        IReadOnlyList<MigrationSettingInfo> settings = Read();
        return new HistoryLimits((long)Value(MigrationSettings.HistoryFileSize), (int)Value(MigrationSettings.HistoryFiles));

        object Value(string name) => settings.First(setting => setting.Name == name).Typed!;
    }

    /// <summary>How long a peer may be silent.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static TimeSpan ReadPeerTimeout() =>
        (TimeSpan)Typed(Read(), nameof(MigrationOptions.PeerTimeout))!;

    /// <summary>What is configured for the connections of a migration that has begun already.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static MigrationOptions ReadConnectionOptions()
    {
        IReadOnlyList<MigrationSettingInfo> settings = Read();
        return new MigrationOptions
        {
            BandwidthLimit = (long?)Typed(settings, nameof(MigrationOptions.BandwidthLimit)),
            Compression = (PageCompression)Typed(settings, nameof(MigrationOptions.Compression))!,
            MaximumExposure = (TimeSpan?)Typed(settings, nameof(MigrationOptions.MaximumExposure)),
            PeerTimeout = (TimeSpan)Typed(settings, nameof(MigrationOptions.PeerTimeout))!,
        };
    }

    /// <summary>The files with this side's certificate and with those it trusts; null where none are configured.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static (string? Own, string[]? Trusted) ReadCertificatePaths()
    {
        IReadOnlyList<MigrationSettingInfo> settings = Read();
        return ((string?)Typed(settings, MigrationSettings.CertificatePath), (string[]?)Typed(settings, MigrationSettings.TrustedCertificatePath));
    }

    /// <summary>Gives a cmdlet's parameters that were not given what is configured for them.</summary>
    /// <exception cref="CommandException">As <see cref="Read"/>.</exception>
    public static void ApplyTo(PSCmdlet cmdlet)
    {
        foreach (MigrationSettingInfo setting in Read().Where(setting => setting.Source != SettingSource.Default))
        {
            // A cmdlet that takes something else by the name of a setting, as one that takes several methods does, is not meant.
            if (!cmdlet.MyInvocation.BoundParameters.ContainsKey(setting.Name)
                && cmdlet.GetType().GetProperty(setting.Name) is { } property && property.PropertyType.IsInstanceOfType(setting.Typed))
            {
                property.SetValue(cmdlet, setting.Typed);
            }
        }
    }

    /// <summary>Refuses a variable with the module's prefix that is none of its own, as a file's key is: it was meant for something.</summary>
    private static void RequireKnownVariables()
    {
        string[] known = [.. OtherVariables, .. MigrationSettings.All.Select(setting => MigrationSetting.VariablePrefix + setting.VariableKey)];
        string? unknown = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith(MigrationSetting.VariablePrefix, StringComparison.Ordinal) && NamedBy(name) is not null && !known.Contains(name))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
        if (unknown is not null)
        {
            throw new CommandException(
                nameof(SR.VariableUnknown),
                ErrorCategory.InvalidData,
                Text.Format(SR.VariableUnknown, unknown),
                Text.Format(SR.VariableUnknownRemedy, string.Join(", ", known.Order(StringComparer.Ordinal)), unknown),
                unknown);
        }
    }

    private static object? Typed(IReadOnlyList<MigrationSettingInfo> settings, string name) => settings.First(setting => setting.Name == name).Typed;

    private static MigrationSettingInfo Resolve(MigrationSetting setting, IReadOnlyList<Layer> layers)
    {
        foreach (Layer layer in layers)
        {
            string key = layer.Source == SettingSource.Environment ? setting.VariableKey : setting.Name;
            // An empty variable counts as one that is not set.
            if (layer.Find(key) is { } text && (text.Length > 0 || layer.Source != SettingSource.Environment))
            {
                string origin = layer.Source == SettingSource.Environment ? MigrationSetting.VariablePrefix + key : layer.Origin;
                return Describe(setting, Parse(setting, text, layer.Source, origin), layer.Source, origin);
            }
        }

        return Describe(setting, setting.Default, SettingSource.Default, "");
    }

    private static MigrationSettingInfo Describe(MigrationSetting setting, object? value, SettingSource source, string origin) =>
        new(setting, value, source, origin);

    private static object Parse(MigrationSetting setting, string text, SettingSource source, string origin)
    {
        try
        {
            return setting.Parse(text);
        }
        catch (Exception error) when (error is FormatException or ArgumentTransformationMetadataException)
        {
            throw new CommandException(
                nameof(SR.SettingInvalid),
                ErrorCategory.InvalidData,
                origin.Length == 0
                    ? Text.Format(SR.SettingRefused, setting.Name, text, error.Message)
                    : Text.Format(SR.SettingInvalid, origin, setting.Name, text, error.Message),
                Text.Format(SR.SettingInvalidRemedy, setting.Name, setting.Allowed),
                source is SettingSource.UserFile or SettingSource.SystemFile ? origin : setting.Name);
        }
    }

    /// <summary>The file that a variable names; null where it is not set, or was taken away by setting it to nothing.</summary>
    private static string? NamedBy(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } path ? path : null;

    private static IEnumerable<Layer> ReadFile(SettingSource source, string? path, string variable)
    {
        if (path is null || TrustedFile.TryRead(path, LargestFile) is not { } content)
        {
            // Where the usual file is not there, nothing is configured. A file that a variable names must be there.
            return NamedBy(variable) is null ? [] : throw new CommandException(
                nameof(SR.SettingsFileMissing),
                ErrorCategory.ObjectNotFound,
                Text.Format(SR.SettingsFileMissing, variable, path),
                Text.Format(SR.SettingsFileMissingRemedy, variable),
                path);
        }

        try
        {
            // An empty file sets nothing, and would be no JSON.
            using StreamReader reader = new(new MemoryStream(content));
            bool isEmpty = string.IsNullOrWhiteSpace(reader.ReadToEnd());
            using MemoryStream stream = new(isEmpty ? "{}"u8.ToArray() : content);
            return [new Layer(source, path, new ConfigurationBuilder().AddJsonStream(stream).Build(), true)];
        }
        catch (Exception error) when (error is FormatException or InvalidDataException or JsonException)
        {
            throw new CommandException(
                nameof(SR.SettingsUnreadable),
                ErrorCategory.InvalidData,
                Text.Format(SR.SettingsUnreadable, path, (error.InnerException ?? error).Message),
                SR.SettingsUnreadableRemedy,
                path);
        }
    }

    /// <summary>One place where settings come from.</summary>
    /// <param name="Source">Which.</param>
    /// <param name="Origin">The file, for messages.</param>
    /// <param name="Values">What it says.</param>
    /// <param name="IsStrict">Whether it may have nothing but settings.</param>
    private sealed record Layer(SettingSource Source, string Origin, IConfigurationRoot Values, bool IsStrict)
    {
        /// <summary>The text of a value; of a list its items with commas between.</summary>
        public string? Find(string key)
        {
            IConfigurationSection section = Values.GetSection(key);
            string[] items = [.. section.GetChildren().Select(item => item.Value).OfType<string>()];
            return section.Value ?? (items.Length > 0 ? string.Join(',', items) : null);
        }

        public void RequireKnownKeys()
        {
            foreach (IConfigurationSection section in Values.GetChildren())
            {
                if (MigrationSettings.Find(section.Key) is null)
                {
                    throw new CommandException(
                        nameof(SR.SettingUnknown),
                        ErrorCategory.InvalidData,
                        Text.Format(SR.SettingUnknown, Origin, section.Key),
                        Text.Format(SR.SettingUnknownRemedy, string.Join(", ", MigrationSettings.All.Select(setting => setting.Name))),
                        Origin);
                }
            }
        }
    }
}

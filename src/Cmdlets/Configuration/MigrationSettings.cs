using System.Globalization;
using PreRecordMigration.History;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>One thing that can be configured: the default of the parameter of the same name.</summary>
/// <param name="Name">Its name, in files and as a parameter.</param>
/// <param name="Default">What holds where nothing is configured; null where that is nothing.</param>
/// <param name="Allowed">What it may be, for a reader.</param>
/// <param name="Parse">Reads it from text; throws where it cannot be.</param>
internal sealed record MigrationSetting(string Name, object? Default, string Allowed, Func<string, object> Parse)
{
    /// <summary>What the names of all environment variables begin with.</summary>
    public const string VariablePrefix = "PRERECORD_";

    /// <summary>The environment variable without its prefix, such as SUSPEND_TIMEOUT.</summary>
    public string VariableKey { get; } =
        string.Concat(Name.Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : $"{char.ToUpperInvariant(c)}"));
}

/// <summary>All settings.</summary>
internal static class MigrationSettings
{
    /// <summary>The default of -Certificate. Only ever a file's path: secrets are not configured.</summary>
    public const string CertificatePath = "CertificatePath";

    /// <summary>The default of -TrustedCertificate.</summary>
    public const string TrustedCertificatePath = "TrustedCertificatePath";

    /// <summary>How long the history's file may get before another one is begun.</summary>
    public const string HistoryFileSize = "HistoryFileSize";

    /// <summary>How many older files of the history are kept beside it.</summary>
    public const string HistoryFiles = "HistoryFiles";

    /// <summary>Less than an entry with its error may need.</summary>
    private const long SmallestHistoryFile = 64 << 10;

    private static readonly MigrationOptions Defaults = new();

    /// <summary>All settings, ordered by name.</summary>
    public static IReadOnlyList<MigrationSetting> All { get; } =
    [
        Size("BackupLimit", null, isRate: false, Page.Size),
        Size("Bandwidth", LinkDefaults.BytesPerSecond, isRate: true, 1),
        Size("BandwidthLimit", null, isRate: true, 1),
        new(CertificatePath, null, "the full path of a file with a certificate, its key inside or beside it", ParsePath),
        Choice("Compression", Defaults.Compression),
        Choice("DowntimeAction", Defaults.DowntimeAction),
        Duration("Epoch", Defaults.Epoch),
        Size(HistoryFileSize, HistoryLimits.Default.FileSize, isRate: false, SmallestHistoryFile),
        new(HistoryFiles, HistoryLimits.Default.Files, "a whole number from 0 to 1000", text => ParseNumber(text, 0, 1000)),
        Duration("HoldTime", TimeSpan.FromMinutes(2)),
        Duration("MaximumDowntime", Defaults.MaximumDowntime),
        Duration("MaximumExposure", null),
        Choice("Method", MigrationMethodChoice.PreRecord),
        Choice("Mode", RecordingModeChoice.Auto),
        new(
            "Order",
            null,
            $"one or more of {string.Join(", ", Enum.GetNames<PageOrderStrategy>())}, with commas between",
            text => text.Split(',', StringSplitOptions.TrimEntries).Select(ParseName<PageOrderStrategy>).ToArray()),
        Size("OverlayLimit", Defaults.OutputLimits.OverlayBytes, isRate: false, Page.Size),
        Size("PacketLimit", Defaults.OutputLimits.PacketBytes, isRate: false, Page.Size),
        Bounded("PeerTimeout", Defaults.PeerTimeout, PeerTimeout.Minimum, PeerTimeout.Maximum),
        Duration("RoundTrip", LinkDefaults.RoundTrip),
        Duration("SuspendTimeout", Defaults.SuspendTimeout),
        new("ThrottleLimit", 1, "a whole number from 1 to 64", text => ParseNumber(text, 1, 64)),
        new(
            TrustedCertificatePath,
            null,
            "the full paths of files with certificates, with commas between",
            text => text.Split(',', StringSplitOptions.TrimEntries).Select(ParsePath).ToArray()),
        Duration("Window", Defaults.Window),
    ];

    /// <summary>Finds a setting; null where there is none of that name.</summary>
    public static MigrationSetting? Find(string name) =>
        All.FirstOrDefault(setting => string.Equals(setting.Name, name, StringComparison.OrdinalIgnoreCase));

    private static MigrationSetting Duration(string name, TimeSpan? value) => new(
        name, value, "a time above zero, such as 500ms, 5s, 2min or 00:00:05", text =>
        {
            TimeSpan time = DurationAttribute.Parse(text);
            return time > TimeSpan.Zero ? time : throw new FormatException(Text.Format(SR.SettingBelow, text));
        });

    private static MigrationSetting Bounded(string name, TimeSpan value, TimeSpan minimum, TimeSpan maximum) => new(
        name, value, $"a time from {minimum.TotalSeconds}s to {maximum.TotalMinutes}min", text =>
        {
            TimeSpan time = DurationAttribute.Parse(text);
            return time >= minimum && time <= maximum ? time : throw new FormatException(Text.Format(SR.SettingOutside, text));
        });

    private static MigrationSetting Size(string name, long? value, bool isRate, long minimum) => new(
        name,
        value,
        isRate ? "bytes a second, or a number with a unit, such as 100MB/s or 10Mbit/s" : "bytes, or a number with a unit, such as 64MB",
        text =>
        {
            long bytes = SizeAttribute.Parse(text, isRate);
            return bytes >= minimum ? bytes : throw new FormatException(Text.Format(SR.SettingBelow, text));
        });

    private static MigrationSetting Choice<T>(string name, T value)
        where T : struct, Enum =>
        new(name, value, $"one of {string.Join(", ", Enum.GetNames<T>())}", text => ParseName<T>(text));

    private static T ParseName<T>(string text)
        where T : struct, Enum =>
        !int.TryParse(text, out _) && Enum.TryParse(text, ignoreCase: true, out T value) && Enum.IsDefined(value)
            ? value
            : throw new FormatException(Text.Format(SR.SettingNotNamed, text));

    /// <summary>A path that means the same whatever the current folder is.</summary>
    private static string ParsePath(string text) =>
        Path.IsPathFullyQualified(text) ? text : throw new FormatException(Text.Format(SR.SettingNotNamed, text));

    private static int ParseNumber(string text, int minimum, int maximum) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= minimum && number <= maximum
            ? number
            : throw new FormatException(Text.Format(SR.SettingNotNumber, text));
}

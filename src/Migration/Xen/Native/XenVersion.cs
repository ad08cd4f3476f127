using System.Globalization;

namespace PreRecordMigration.Xen.Native;

/// <summary>A version of Xen by its first two numbers, which stand in the names of its libraries: those of another one cannot be used.</summary>
/// <param name="Major">The first number.</param>
/// <param name="Minor">The second number.</param>
internal readonly record struct XenVersion(uint Major, uint Minor) : IComparable<XenVersion>
{
    /// <summary>Where a kernel that runs on Xen says on which.</summary>
    internal const string Folder = "/sys/hypervisor";

    /// <summary>The versions that the module has libraries for, each with the release of Debian that has it, oldest first.</summary>
    /// <remarks>tools/debian-release.sh has the same: a test compares the two.</remarks>
    internal static IReadOnlyList<(XenVersion Version, string Debian)> Known { get; } =
    [
        (new(4, 17), "Debian 12"),
        (new(4, 20), "Debian 13"),
    ];

    /// <summary>The known versions in words, such as "4.17 or 4.20".</summary>
    internal static string KnownText { get; } = string.Join(" or ", Known.Select(static known => known.Version.ToString()));

    /// <summary>What installs a toolstack: a sentence.</summary>
    internal static string ToolstackRemedy { get; } =
        $"Install the Xen tools ({string.Join("; ", Known.Select(static known => $"{known.Debian}: apt-get install xen-utils-{known.Version}"))}).";

    /// <summary>Whether the module has a library for it.</summary>
    internal bool IsKnown
    {
        get
        {
            XenVersion version = this;
            return Known.Any(known => known.Version == version);
        }
    }

    public static bool operator <(XenVersion left, XenVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(XenVersion left, XenVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(XenVersion left, XenVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(XenVersion left, XenVersion right) => left.CompareTo(right) >= 0;

    /// <summary>Asks the kernel which Xen this machine runs on.</summary>
    /// <param name="folder">Where it says so: <see cref="Folder"/>.</param>
    /// <returns>The version; null where it runs on none, or the kernel does not say.</returns>
    internal static XenVersion? Read(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "type")).Trim() == "xen"
                && Number("major") is { } major
                && Number("minor") is { } minor
                    ? new XenVersion(major, minor)
                    : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        uint? Number(string name) =>
            uint.TryParse(File.ReadAllText(Path.Combine(folder, "version", name)).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out uint number)
                ? number
                : null;
    }

    /// <inheritdoc/>
    public int CompareTo(XenVersion other) => (Major, Minor).CompareTo((other.Major, other.Minor));

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}");
}

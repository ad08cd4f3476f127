using System.Text.RegularExpressions;

namespace PreRecordMigration.Hypervisor;

/// <summary>
/// The way to a receiver as a note beside a domain's mark has it: a word, which whoever makes ways understands. Here it is only made sure
/// that it can stand in a note.
/// </summary>
public static partial class NotedWay
{
    /// <summary>The most characters of one: a few paths of files, and a quarter of what XenStore takes.</summary>
    public const int MaximumLength = 1024;

    /// <summary>The way, where it can be noted.</summary>
    /// <param name="way">The way; null where there is none.</param>
    /// <returns>The same, or null.</returns>
    public static string? Of(string? way) => way is { Length: > 0 and <= MaximumLength } && Word().IsMatch(way) ? way : null;

    [GeneratedRegex(@"\A[A-Za-z0-9._~%;-]+\z")]
    private static partial Regex Word();
}

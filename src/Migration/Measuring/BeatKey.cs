using System.Globalization;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Measuring;

/// <summary>Where a guest counts up: a node of its own part of XenStore, and the name of the number in it where it has several.</summary>
/// <param name="Node">The node, such as data/lab.</param>
/// <param name="Field">The number's name, of which the node has <c>NAME=NUMBER</c>; null for the first number in it.</param>
public sealed record BeatKey(string Node, string? Field)
{
    /// <summary>The longest text of a node that is looked at.</summary>
    private const int Longest = 4096;

    /// <summary>Understands NODE or NODE:NAME.</summary>
    /// <param name="text">What was given.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static BeatKey Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        bool isNode = parts[0].Length is > 0 and <= 1024
            && parts[0].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '/' or '_' or '@')
            && parts[0].Split('/').All(part => part.Length > 0);
        return isNode && parts.Length <= 2 && parts.Skip(1).All(IsField)
            ? new BeatKey(parts[0], parts.ElementAtOrDefault(1))
            : throw new MigrationException(
                MigrationErrorId.InvalidOption, $"'{text}' is no node of a guest's part of XenStore.", "Give one such as data/beat, or data/lab:checks for NAME=NUMBER in it.", text);
    }

    /// <summary>Finds the number in what the guest has written, which may be anything.</summary>
    /// <param name="text">What stands in the node.</param>
    /// <returns>The number; null where there is none of up to 18 digits.</returns>
    public long? Find(string? text)
    {
        if (text is null || text.Length > Longest)
        {
            return null;
        }

        int at = Field is null ? text.AsSpan().IndexOfAnyInRange('0', '9') : AfterField(text);
        int end = at;
        while (end >= 0 && end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end > at && end - at <= 18 ? long.Parse(text.AsSpan(at, end - at), NumberStyles.None, CultureInfo.InvariantCulture) : null;
    }

    /// <inheritdoc/>
    public override string ToString() => Field is null ? Node : $"{Node}:{Field}";

    private static bool IsField(string field) => field.Length is > 0 and <= 64 && field.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private int AfterField(string text)
    {
        string sought = $"{Field}=";
        for (int at = text.IndexOf(sought, StringComparison.Ordinal); at >= 0; at = text.IndexOf(sought, at + 1, StringComparison.Ordinal))
        {
            if (at == 0 || !(char.IsAsciiLetterOrDigit(text[at - 1]) || text[at - 1] is '-' or '_'))
            {
                return at + sought.Length;
            }
        }

        return -1;
    }
}

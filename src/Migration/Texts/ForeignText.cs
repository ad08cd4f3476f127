using System.Buffers;
using System.Globalization;
using System.Text;

namespace PreRecordMigration.Texts;

/// <summary>
/// Text that somebody else wrote: a peer, a guest, a program, a file. A terminal obeys some characters, and some change how a line reads.
/// This is the one function that makes such text fit to be shown; a text that is fit already stays as it is, in whatever script.
/// </summary>
/// <remarks>
/// <para>Escaped as <c>\u001B</c> are control characters (C0 and C1, the eight-bit forms of escape sequences among them, and DEL), the
/// separators of lines and paragraphs, the invisible characters that change the direction of writing or make two texts look the same
/// (except for the two joiners that scripts need), and halves of surrogate pairs.
/// A tabulator and the end of a line are control characters too: nobody else's text makes a line that looks like ours.</para>
/// <para>It is called where text comes in (<c>WireReader</c>, names from XenStore, what child processes print, headers of files) and,
/// because somebody might forget one day, once more where it goes out: by the constructors of this module's exceptions and by what
/// fills in its messages.</para>
/// </remarks>
public static class ForeignText
{
    /// <summary>The most characters of a text that is shown where nothing else is said.</summary>
    public const int Longest = 16_384;

    /// <summary>The most characters of a name.</summary>
    public const int LongestName = 1024;

    private const int ZeroWidthNonJoiner = 0x200C;
    private const int ZeroWidthJoiner = 0x200D;
    private const char Cut = '…';
    private static readonly char[] s_lineEnds = ['\r', '\n'];

    /// <summary>A text as it may be shown: escaped, and with <c>…</c> where it was too long. Showing it twice changes nothing.</summary>
    /// <param name="text">The text; null counts as an empty one.</param>
    /// <param name="longest">The most characters of the result, at least 1.</param>
    public static string Show(string? text, int longest = Longest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, 1);
        if (IsPlain(text) && (text?.Length ?? 0) <= longest)
        {
            return text ?? "";
        }

        // An escape or a surrogate pair is not cut in two: half of it would read as something else.
        StringBuilder shown = new();
        int fitting = 0;
        for (ReadOnlySpan<char> rest = text; TryTake(ref rest, out ReadOnlySpan<char> taken, out bool isPlain);)
        {
            if (isPlain)
            {
                shown.Append(taken);
            }
            else
            {
                foreach (char unit in taken)
                {
                    shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
                }
            }

            if (shown.Length > longest)
            {
                shown.Length = fitting;
                return shown.Append(Cut).ToString();
            }

            fitting = shown.Length < longest ? shown.Length : fitting;
        }

        return shown.ToString();
    }

    /// <summary>Shows a text that was printed in several lines as one line; apart from that it is <see cref="Show"/>.</summary>
    /// <param name="text">The text; null counts as an empty one.</param>
    /// <param name="longest">The most characters of the result, at least 1.</param>
    public static string ShowLines(string? text, int longest = Longest) =>
        Show(string.Join(" | ", (text ?? "").Split(s_lineEnds, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)), longest);

    /// <summary>Whether a text may be shown as it is.</summary>
    /// <param name="text">The text; null counts as an empty one.</param>
    public static bool IsPlain(string? text)
    {
        for (ReadOnlySpan<char> rest = text; TryTake(ref rest, out _, out bool isPlain);)
        {
            if (!isPlain)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a text may be a name: not blank, not too long, and shown as it is.</summary>
    /// <param name="text">The text.</param>
    public static bool IsName(string? text) => text is { Length: <= LongestName } && !string.IsNullOrWhiteSpace(text) && IsPlain(text);

    private static bool IsPlain(Rune rune) => Rune.GetUnicodeCategory(rune) is not
            (UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format)
        || rune.Value is ZeroWidthNonJoiner or ZeroWidthJoiner;

    /// <summary>Takes one character off a text; half of a surrogate pair counts as one, and may not be shown.</summary>
    private static bool TryTake(ref ReadOnlySpan<char> rest, out ReadOnlySpan<char> taken, out bool isPlain)
    {
        isPlain = Rune.DecodeFromUtf16(rest, out Rune rune, out int length) == OperationStatus.Done && IsPlain(rune);
        taken = rest[..length];
        rest = rest[length..];
        return length > 0;
    }
}

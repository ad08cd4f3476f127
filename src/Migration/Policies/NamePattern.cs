using System.Text;
using System.Text.RegularExpressions;

namespace PreRecordMigration.Policies;

/// <summary>A name of a policy in which * stands for any characters, and ? for one.</summary>
public sealed class NamePattern
{
    private readonly Regex _regex;

    /// <summary>Understands a pattern.</summary>
    /// <param name="text">The pattern; it is compared with a whole name, and case counts.</param>
    public NamePattern(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        Text = text;
        _regex = ToRegex(text, "[^/]*");
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Whether the pattern names this name.</summary>
    public bool Matches(string name) => _regex.IsMatch(name);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>A pattern as an expression for whole texts, which takes time in proportion to the text's length.</summary>
    internal static Regex ToRegex(string pattern, string star)
    {
        StringBuilder expression = new(@"\A");
        for (int i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '*' && i + 1 < pattern.Length && pattern[i + 1] == '*')
            {
                expression.Append(".*");
                i++;
                continue;
            }

            expression.Append(pattern[i] switch
            {
                '*' => star,
                '?' => "[^/]",
                char other => Regex.Escape(other.ToString()),
            });
        }

        return new Regex(expression.Append(@"\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
    }
}

using System.Management.Automation;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What a name or pattern means.</summary>
/// <param name="Found">The things that are meant, in their order; several of the same name where there are several.</param>
/// <param name="IsPattern">Whether it was taken for a wildcard pattern: it may mean several names, or none.</param>
internal sealed record NameMatch<T>(IReadOnlyList<T> Found, bool IsPattern)
{
    /// <summary>For who only looks: a pattern may mean nothing, a name that means nothing is an error.</summary>
    public IReadOnlyList<T> OrNoneOfPattern(Func<Exception> notFound) => Found.Count > 0 || IsPattern ? Found : throw notFound();

    /// <summary>For who does something: what means nothing is an error, name or pattern.</summary>
    public IReadOnlyList<T> OrFail(Func<Exception> notFound) => Found.Count > 0 ? Found : throw notFound();
}

/// <summary>
/// The one rule by which what somebody gives means something that has a name, whether domain, host, receiver, migration or
/// setting.
/// </summary>
/// <remarks>
/// An existing name means itself, whatever characters it has. What is no existing name may be written in other case, as long
/// as only one name is meant. What is neither is a wildcard pattern, where it has wildcards. Case is that of the invariant
/// culture in all of it: a Turkish session finds what any other finds.
/// </remarks>
internal static class NameRule
{
    /// <summary>Finds what is meant.</summary>
    /// <param name="given">A name, a name with escaped wildcards (as completion inserts it), or a pattern.</param>
    /// <param name="things">What there is to choose from.</param>
    /// <param name="nameOf">The name of one of them.</param>
    /// <exception cref="CommandException">Several names differ from it in case only.</exception>
    public static NameMatch<T> Find<T>(string given, IEnumerable<T> things, Func<T, string> nameOf)
    {
        T[] all = [.. things];
        bool isPattern = WildcardPattern.ContainsWildcardCharacters(given);
        string[] literals = isPattern ? [given] : [.. new[] { given, WildcardPattern.Unescape(given) }.Distinct(StringComparer.Ordinal)];
        foreach (string literal in literals)
        {
            T[] exact = [.. all.Where(thing => string.Equals(nameOf(thing), literal, StringComparison.Ordinal))];
            if (exact.Length > 0)
            {
                return new NameMatch<T>(exact, false);
            }
        }

        foreach (string literal in literals)
        {
            T[] alike = [.. all.Where(thing => string.Equals(nameOf(thing), literal, StringComparison.OrdinalIgnoreCase))];
            string[] names = [.. alike.Select(nameOf).Distinct(StringComparer.Ordinal)];
            if (names.Length > 0)
            {
                return names.Length == 1 ? new NameMatch<T>(alike, false) : throw Ambiguous(given, names);
            }
        }

        return isPattern && Compile(given) is { } pattern
            ? new NameMatch<T>([.. all.Where(thing => pattern.IsMatch(nameOf(thing)))], true)
            : new NameMatch<T>([], false);
    }

    /// <summary>How to write a name so that it means itself, even when it has gone: with its wildcards escaped.</summary>
    /// <param name="name">The name.</param>
    /// <param name="names">All the names that there are.</param>
    public static string Write(string name, IReadOnlyList<string> names)
    {
        // The escaped text may be the name of something else, and would then mean that.
        string escaped = WildcardPattern.Escape(name);
        return Find(escaped, names, other => other) is { IsPattern: false } match && match.Found.All(found => found == name)
            && match.Found.Count > 0
            ? escaped
            : name;
    }

    /// <summary>A pattern that knows no culture; null where it is none, such as a bracket that nothing closes.</summary>
    public static WildcardPattern? Compile(string pattern)
    {
        try
        {
            WildcardPattern compiled = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant);

            // A malformed pattern is reported only when it is used.
            compiled.IsMatch("");
            return compiled;
        }
        catch (WildcardPatternException)
        {
            return null;
        }
    }

    private static CommandException Ambiguous(string given, IEnumerable<string> names) => new(
        nameof(SR.AmbiguousName),
        ErrorCategory.InvalidArgument,
        Text.Format(SR.AmbiguousName, given, string.Join(", ", names.Order(StringComparer.Ordinal).Select(name => $"'{name}'"))),
        SR.AmbiguousNameRemedy,
        given);
}

using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace PreRecordMigration.Hypervisor;

/// <summary>
/// Where the other half of a domain is, as a note beside its mark says it: an address, or the thumbprint of a certificate. What is noted
/// outside of this process may have been written by anybody, so that it is checked before it is shown, and nothing rests on it.
/// </summary>
public static partial class PeerName
{
    /// <summary>The most characters of a name: more than any address of a host with its port.</summary>
    public const int MaximumLength = 280;

    /// <summary>The name as it is noted: what may not stand in a note is left out.</summary>
    /// <param name="name">How the peer is called; null where nobody knows.</param>
    /// <returns>What <see cref="Read"/> takes, or null.</returns>
    public static string? Of(string? name)
    {
        string kept = Unusual().Replace(name ?? "", "");
        return Read(kept.Length > MaximumLength ? kept[..MaximumLength] : kept);
    }

    /// <summary>The name that was noted.</summary>
    /// <returns>Null where there is none, or where it cannot be one.</returns>
    public static string? Read(string? noted) => IsName(noted) ? noted : null;

    private static bool IsName([NotNullWhen(true)] string? text) =>
        text is { Length: > 0 and <= MaximumLength } && !Unusual().IsMatch(text);

    [GeneratedRegex(@"[^A-Za-z0-9._:@%\[\]-]")]
    private static partial Regex Unusual();
}

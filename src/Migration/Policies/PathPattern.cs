using System.Text.RegularExpressions;
using PreRecordMigration.Files;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Policies;

/// <summary>
/// Paths that a policy names: * stands for any characters of one part, ** for any characters, ? for one. A path is compared by
/// what it leads to: its links are followed, and so are those of the pattern's folders.
/// </summary>
public sealed class PathPattern
{
    private const string Scripts = "/etc/xen/scripts/";
    private const int MaximumLinks = 40;

    /// <summary>Links of root's below this folder are the names of devices: /dev/vg0/web01 stays the same device, while /dev/dm-3, to
    /// which it leads, may be another one after the next boot.</summary>
    private const string Devices = "/dev/";

    private static readonly char[] s_wild = ['*', '?'];
    private readonly Regex _regex;

    /// <summary>Understands a pattern.</summary>
    /// <param name="text">An absolute path, in which wildcards may stand.</param>
    /// <exception cref="ArgumentException">It is not absolute, or has parts such as "..".</exception>
    public PathPattern(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        if (!IsPlain(text))
        {
            throw new ArgumentException("A path begins with '/', and has no empty parts and none of '.' and '..'.", nameof(text));
        }

        Text = text;
        int wild = text.IndexOfAny(s_wild);
        int folder = wild < 0 ? text.Length : text.LastIndexOf('/', wild);
        string literal = text[..folder];
        string real = literal.Length == 0 ? "" : Resolve(literal) ?? literal;
        _regex = NamePattern.ToRegex(Regex.Replace(real, "[*?]", "?") + text[folder..], "[^/]*");
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Understands the pattern of a script: a name alone is a program in the toolstack's folder.</summary>
    public static PathPattern OfScript(string text) => new(ScriptPath(text));

    /// <summary>Whether a path leads to something that the pattern names. What is not there yet is compared by its name.</summary>
    /// <param name="path">A plain path; see <see cref="IsPlain"/>.</param>
    public bool Matches(string path) => IsPlain(path) && Resolve(path) is { } real && _regex.IsMatch(real);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>Whether a text is an absolute path as it would be written by hand: no "..", no ".", no empty part, no control character.</summary>
    internal static bool IsPlain(string path) =>
        path.Length is > 1 and < 4096
        && path[0] == '/'
        && ForeignText.IsPlain(path)
        && path[1..].Split('/').All(part => part is not ("" or "." or ".."));

    /// <summary>The path of a script as the toolstack finds it.</summary>
    internal static string ScriptPath(string text) => text.StartsWith('/') ? text : Scripts + text;

    /// <summary>Follows the links of a plain path; null where they lead in a circle.</summary>
    private static string? Resolve(string path)
    {
        Stack<string> open = new(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string done = "/";
        int links = 0;
        while (open.TryPop(out string? part))
        {
            if (part is "." or "..")
            {
                done = part == "." ? done : Path.GetDirectoryName(done) ?? "/";
                continue;
            }

            string next = Path.Combine(done, part);
            FileStatus status = FileStatus.Of(next);
            if (status.Kind != FileKind.Link || new FileInfo(next).LinkTarget is not { } target)
            {
                done = next;
                continue;
            }

            if (++links > MaximumLinks)
            {
                return null;
            }

            if (open.Count == 0 && status.User == 0 && IsName(next, done, target))
            {
                done = next;
                continue;
            }

            foreach (string piece in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                open.Push(piece);
            }

            done = target.StartsWith('/') ? "/" : done;
        }

        return done;
    }

    /// <summary>Whether a link of root's is a device's name: it stands below /dev and leads to something below /dev.</summary>
    private static bool IsName(string link, string folder, string target) =>
        link.StartsWith(Devices, StringComparison.Ordinal)
        && Path.GetFullPath(Path.Combine(folder, target)).StartsWith(Devices, StringComparison.Ordinal);
}

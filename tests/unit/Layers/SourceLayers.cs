using System.Text.RegularExpressions;

namespace PreRecordMigration.Tests.Layers;

/// <summary>Which folders of a source tree use which others, as the tree's own files say it.</summary>
/// <remarks>
/// A file uses a folder by a using-directive (an alias and a static one too), by a qualified name, absolute or relative, and without either where
/// its own namespace or one around it holds the type: then by the type's name, or by an extension method's. What stands in comments and in
/// plain strings uses nothing.
/// </remarks>
internal sealed partial class SourceLayers
{
    /// <summary>An edge: a folder, one that it uses, and the first file that does.</summary>
    public sealed record Edge(string From, string To, string File)
    {
        public override string ToString() => $"{From} uses {To}";
    }

    private readonly Source[] _sources;
    private readonly Dictionary<string, HashSet<string>> _typesOf = new(StringComparer.Ordinal);
    private readonly HashSet<string> _members = new(StringComparer.Ordinal);

    /// <summary>Reads a tree.</summary>
    /// <param name="files">Each file's path inside the tree, with '/', and its text.</param>
    public SourceLayers(IEnumerable<(string Path, string Text)> files)
    {
        _sources = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal).Select(Source.Of)];
        foreach (Source source in _sources)
        {
            _typesOf.TryAdd(source.Namespace, new HashSet<string>(StringComparer.Ordinal));
            _typesOf[source.Namespace].UnionWith(source.Types);
            _members.UnionWith(Member().Matches(source.Code).Select(match => match.Groups["name"].Value));
        }

        Folders = [.. _sources.Select(source => source.Folder).Distinct().Order(StringComparer.Ordinal)];
        Edges =
        [
            .. _sources
                .SelectMany(source => FoldersUsedBy(source).Where(to => to != source.Folder).Select(to => new Edge(source.Folder, to, source.Path)))
                .DistinctBy(edge => (edge.From, edge.To))
                .OrderBy(edge => edge.From, StringComparer.Ordinal)
                .ThenBy(edge => edge.To, StringComparer.Ordinal),
        ];
    }

    public IReadOnlyList<string> Folders { get; }

    public IReadOnlyList<Edge> Edges { get; }

    /// <summary>The files whose namespace is another than the one that goes with their folder.</summary>
    public IEnumerable<string> NamespacesApart(Func<string, string> namespaceOf) => _sources
        .Where(source => source.Namespace != namespaceOf(source.Folder))
        .Select(source => $"{source.Path}: {source.Namespace}");

    private HashSet<string> FoldersUsedBy(Source source)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (Match name in Qualified().Matches(source.Code))
        {
            seen.UnionWith(FoldersOfName(source, name.Value));
        }

        foreach (Source other in _sources.Where(other => other.Folder != source.Folder && IsAround(other.Namespace, source.Namespace)))
        {
            if (other.Types.Any(type => !source.Types.Contains(type) && Mentions(source.Code, type, other.Code))
                || other.Extensions.Any(method => source.Code.Contains($".{method}(", StringComparison.Ordinal)))
            {
                seen.Add(other.Folder);
            }
        }

        return seen;
    }

    /// <summary>The folders that a dotted name leads to, seen from a file: of a namespace itself in a directive, of a type in it elsewhere.</summary>
    private IEnumerable<string> FoldersOfName(Source source, string name)
    {
        string[] parts = name.Split('.');
        string around = source.Namespace;
        while (true)
        {
            for (int length = parts.Length; length > 0; length--)
            {
                string candidate = string.Join('.', parts.Take(length).Prepend(around).Where(part => part.Length > 0));
                bool isWhole = length == parts.Length && source.Directives.Contains(name);
                if (_typesOf.TryGetValue(candidate, out HashSet<string>? types) && (isWhole || (length < parts.Length && types.Contains(parts[length]))))
                {
                    return isWhole
                        ? _sources.Where(other => other.Namespace == candidate).Select(other => other.Folder)
                        : _sources.Where(other => other.Namespace == candidate && other.Types.Contains(parts[length])).Select(other => other.Folder);
                }
            }

            if (around.Length == 0)
            {
                return [];
            }

            around = around.Contains('.', StringComparison.Ordinal) ? around[..around.LastIndexOf('.')] : "";
        }
    }

    /// <summary>Whether code names a type; where some member has the same name, only what can be no member counts.</summary>
    private bool Mentions(string code, string type, string declaration)
    {
        string name = Regex.Escape(type);
        if (!_members.Contains(type))
        {
            return Regex.IsMatch(code, $@"(?<![\w.]){name}\b");
        }

        return Regex.IsMatch(
                code,
                $@"\b(new|is|not|as|case|or|and) {name}\b|<{name}[>?,\[]|typeof\({name}\)|: {name}\b|(?<![\w.]){name}\??(\[\])? (?!(is|as|and|or|in|with|when|switch)\b)[A-Za-z_]\w*")
            || Regex.Matches(code, $@"(?<![\w.]){name}\.(\w+)").Any(match => Regex.IsMatch(
                declaration, $@"\b(static|const) [^\n;=]*\b{match.Groups[1].Value}\b|^\s+{match.Groups[1].Value}\b *[=,\n]", RegexOptions.Multiline));
    }

    /// <summary>Whether what one namespace holds can be named in the other without more.</summary>
    private static bool IsAround(string outer, string inner) =>
        inner == outer || inner.StartsWith(outer + ".", StringComparison.Ordinal);

    private sealed record Source(
        string Path,
        string Folder,
        string Namespace,
        string Code,
        IReadOnlySet<string> Types,
        IReadOnlyList<string> Extensions,
        IReadOnlySet<string> Directives)
    {
        public static Source Of((string Path, string Text) file)
        {
            string code = Unread().Replace(file.Text, match => match.Value[0] == '$' ? match.Value : "");
            return new Source(
                file.Path,
                System.IO.Path.GetDirectoryName(file.Path)!.Replace('\\', '/'),
                NamespaceLine().Match(code).Groups["name"].Value,
                code,
                TypeLine().Matches(code).Select(match => match.Groups["name"].Value).ToHashSet(StringComparer.Ordinal),
                [.. ExtensionMethod().Matches(code).Select(match => match.Groups["name"].Value)],
                UsingLine().Matches(code).Select(match => match.Groups["name"].Value).ToHashSet(StringComparer.Ordinal));
        }
    }

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/|\$@?""(?:[^""\\\n]|\\.)*""|@?""(?:[^""\\\n]|\\.)*""|'(?:[^'\\\n]|\\.)+'", RegexOptions.Singleline)]
    private static partial Regex Unread();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^using (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex UsingLine();

    [GeneratedRegex(
        @"^(?:(?:public|internal|sealed|abstract|static|readonly|partial|unsafe|ref) )*(?:class|struct|record struct|record class|record|interface|enum|delegate [\w<>?\[\]]+) (?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"\bstatic [^;={}()]*?\b(?<name>\w+)(?:<[^()]*>)?\(\s*this ")]
    private static partial Regex ExtensionMethod();

    [GeneratedRegex(@"[\w>?\]] (?<name>[A-Z]\w*)(?: \{| =>|[,)])")]
    private static partial Regex Member();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w*(?:\.[A-Z]\w*)+")]
    private static partial Regex Qualified();
}

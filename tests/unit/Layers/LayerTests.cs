using System.Runtime.CompilerServices;

namespace PreRecordMigration.Tests.Layers;

/// <summary>
/// Which folder uses which is written down, Migration.txt and Cmdlets.txt, bottom up: a new edge is a decision, and the picture in
/// docs/architecture.md is made from it.
/// </summary>
public sealed class LayerTests
{
    private static readonly string s_root = Path.GetFullPath(Path.Combine(Here(), "..", "..", ".."));

    [Theory]
    [InlineData("Migration")]
    [InlineData("Cmdlets")]
    public void Every_edge_is_listed_and_every_listed_edge_is_there(string tree)
    {
        SourceLayers layers = Read(tree);
        Dictionary<string, string[]> actual = layers.Folders.ToDictionary(
            folder => folder, folder => layers.Edges.Where(edge => edge.From == folder).Select(edge => edge.To).ToArray(), StringComparer.Ordinal);
        string received = Path.Combine(AppContext.BaseDirectory, $"{tree}.layers.txt");
        File.WriteAllLines(received, Order(actual).Select(folder => $"{folder}: {string.Join(", ", actual[folder])}".TrimEnd()));
        (string, string)[] listed = [.. Listed(tree).SelectMany(folder => folder.Value.Select(to => (folder.Key, to)))];
        string[] changes =
        [
            .. layers.Edges.Where(edge => !listed.Contains((edge.From, edge.To))).Select(edge => $"+ {edge} ({edge.File})"),
            .. listed.Where(edge => !actual.GetValueOrDefault(edge.Item1, []).Contains(edge.Item2)).Select(edge => $"- {edge.Item1} uses {edge.Item2}"),
            .. layers.Folders.Except(Listed(tree).Keys).Select(folder => $"+ {folder}"),
            .. Listed(tree).Keys.Except(layers.Folders).Select(folder => $"- {folder}"),
        ];
        Assert.True(
            changes.Length == 0,
            $"Which folder of src/{tree} uses which has changed. Where that is meant, copy {received} over tests/unit/Layers/{tree}.txt.\n{string.Join('\n', changes)}");
    }

    [Theory]
    [InlineData("Migration")]
    [InlineData("Cmdlets")]
    public void Each_folder_uses_only_folders_that_are_listed_above_it(string tree)
    {
        List<string> above = [];
        foreach ((string folder, string[] uses) in Listed(tree))
        {
            Assert.Empty(uses.Except(above));
            above.Add(folder);
        }
    }

    [Fact]
    public void A_namespace_of_the_engine_is_its_folder() => Assert.Empty(Read("Migration").NamespacesApart(
        folder => $"PreRecordMigration.{(folder == "CoreState" ? "CoreStates" : folder.Replace('/', '.'))}"));

    [Theory]
    [InlineData("the engine's folders")]
    [InlineData("the folders of Xen")]
    public void The_pictures_in_the_architecture_are_what_is_listed(string name)
    {
        string text = File.ReadAllText(Path.Combine(s_root, "docs", "architecture.md"));
        string received = Path.Combine(AppContext.BaseDirectory, "architecture.received.md");
        File.WriteAllText(received, Pictures().Aggregate(text, (drawn, picture) => Replace(drawn, picture.Key, picture.Value)));
        Assert.True(
            text == Replace(text, name, Pictures()[name]),
            $"The picture of {name} is not what is listed. Copy {received} over docs/architecture.md.");
    }

    [Theory]
    [InlineData("using Root.Low;", "Low")]
    [InlineData("using static Root.Low.Thing;", "Low")]
    [InlineData("using Alias = Root.Low.Thing;", "Low")]
    [InlineData("class Mine { Root.Low.Thing thing; }", "Low")]
    [InlineData("class Mine { Low.Thing thing; }", "Low")]
    [InlineData("class Mine : Around { }", "High")]
    [InlineData("class Mine { int Twice(int a) => a.Doubled(); }", "High")]
    [InlineData("/// <see cref=\"Root.Low.Thing\"/>\nclass Mine { }", null)]
    [InlineData("class Mine { string text = \"Around and Root.Low.Thing\"; }", null)]
    [InlineData("class Mine { int Low; int Around2; }", null)]
    public void An_edge_is_seen_however_it_is_written(string code, string? expected)
    {
        bool isDirective = code.StartsWith("using ", StringComparison.Ordinal);
        const string Line = "namespace Root.High.Inner;\n";
        SourceLayers layers = new(
        [
            ("Low/Thing.cs", "namespace Root.Low;\npublic class Thing { }\n"),
            ("High/Around.cs", "namespace Root.High;\ninternal static class Around { internal static int Doubled(this int number) => 2 * number; }\n"),
            ("High/Inner/Mine.cs", isDirective ? $"{code}\n{Line}" : Line + code),
        ]);
        Assert.Equal(expected is null ? [] : [$"High/Inner uses {expected}"], layers.Edges.Select(edge => edge.ToString()));
    }

    [Fact]
    public void A_circle_is_named_and_an_arrow_that_follows_is_left_out()
    {
        Dictionary<string, string[]> line = new() { ["A"] = ["B", "C"], ["B"] = ["C"], ["C"] = [] };
        Assert.Equal("```mermaid\nflowchart TD\n    A --> B\n    B --> C\n    C\n```\n", LayerPicture.Draw(line));
        Dictionary<string, string[]> circle = new() { ["A"] = ["B"], ["B"] = ["A"], ["C"] = [] };
        Assert.Contains("A, B", Assert.Throws<InvalidOperationException>(() => LayerPicture.BottomUp(circle)).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Pictures()
    {
        Dictionary<string, string[]> engine = Listed("Migration");
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["the engine's folders"] = LayerPicture.Draw(LayerPicture.Between(engine, folder => folder.Split('/')[0])),
            ["the folders of Xen"] = LayerPicture.Draw(
                LayerPicture.Between(engine, folder => folder.StartsWith("Xen/", StringComparison.Ordinal) ? folder["Xen/".Length..] : null)),
        };
    }

    private static string Replace(string text, string name, string picture)
    {
        string begin = $"<!-- {name}: made from tests/unit/Layers -->\n";
        int start = text.IndexOf(begin, StringComparison.Ordinal);
        Assert.True(start >= 0, $"docs/architecture.md has no place for the picture of {name}: {begin}");
        start += begin.Length;
        return text[..start] + picture + text[text.IndexOf($"<!-- end of {name} -->\n", start, StringComparison.Ordinal)..];
    }

    private static Dictionary<string, string[]> Listed(string tree) => File
        .ReadLines(Path.Combine(Here(), $"{tree}.txt"))
        .Select(line => line.Split(':'))
        .ToDictionary(
            line => line[0], line => line[1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal);

    /// <summary>Bottom up where there is no circle, else by name: what is received must be readable in any case.</summary>
    private static IEnumerable<string> Order(Dictionary<string, string[]> uses)
    {
        try
        {
            return LayerPicture.BottomUp(uses);
        }
        catch (InvalidOperationException)
        {
            return uses.Keys.Order(StringComparer.Ordinal);
        }
    }

    private static SourceLayers Read(string tree)
    {
        string folder = Path.Combine(s_root, "src", tree);
        return new SourceLayers(Directory
            .EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(file => (Name: Path.GetRelativePath(folder, file).Replace('\\', '/'), File: file))
            .Where(file => file.Name.Split('/')[0] is not ("bin" or "obj"))
            .Select(file => (file.Name, File.ReadAllText(file.File))));
    }

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}

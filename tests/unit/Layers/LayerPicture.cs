using System.Text;

namespace PreRecordMigration.Tests.Layers;

/// <summary>A picture of folders in layers: each arrow an edge, those left out that follow from the others.</summary>
internal static class LayerPicture
{
    /// <summary>The folders bottom up: each after all that it uses, and apart from that by name.</summary>
    /// <exception cref="InvalidOperationException">There is a circle; the message names the folders that are in one or above one.</exception>
    public static IReadOnlyList<string> BottomUp(IReadOnlyDictionary<string, string[]> uses)
    {
        List<string> order = [];
        while (order.Count < uses.Count)
        {
            string[] next = [.. uses.Keys.Except(order).Where(folder => uses[folder].All(order.Contains)).Order(StringComparer.Ordinal)];
            if (next.Length == 0)
            {
                throw new InvalidOperationException($"A circle: {string.Join(", ", uses.Keys.Except(order).Order(StringComparer.Ordinal))}");
            }

            order.AddRange(next);
        }

        return order;
    }

    /// <summary>The same edges between the parts of a tree: each folder stands for the part it belongs to, or for none.</summary>
    public static IReadOnlyDictionary<string, string[]> Between(
        IReadOnlyDictionary<string, string[]> uses, Func<string, string?> partOf) => uses
        .GroupBy(folder => partOf(folder.Key))
        .Where(part => part.Key is not null)
        .ToDictionary(
            part => part.Key!,
            part => part.SelectMany(folder => folder.Value).Select(partOf).OfType<string>().Where(to => to != part.Key).Distinct().ToArray(),
            StringComparer.Ordinal);

    /// <summary>The picture, in Mermaid's language.</summary>
    public static string Draw(IReadOnlyDictionary<string, string[]> uses)
    {
        StringBuilder picture = new("```mermaid\nflowchart TD\n");
        foreach (string from in BottomUp(uses).Reverse())
        {
            string[] direct = [.. uses[from].Where(to => !uses[from].Any(by => by != to && Reaches(uses, by, to))).Order(StringComparer.Ordinal)];
            picture.Append("    ").Append(from).Append(direct.Length == 0 ? "" : " --> ").AppendJoin(" & ", direct).Append('\n');
        }

        return picture.Append("```\n").ToString();
    }

    private static bool Reaches(IReadOnlyDictionary<string, string[]> uses, string from, string to) =>
        uses[from].Any(next => next == to || Reaches(uses, next, to));
}

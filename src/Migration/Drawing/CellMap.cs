using System.Xml.Linq;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Drawing;

/// <summary>Pictures of many equal cells, each of which has one colour.</summary>
internal static class CellMap
{
    private const int Columns = 64;

    /// <summary>The cells, line by line; neighbours of one colour are drawn as one.</summary>
    /// <param name="cells">The series of each, from 1; 0 for an empty one.</param>
    /// <param name="kind">s for series that differ in colour, t for steps of one colour.</param>
    public static Picture Draw(IReadOnlyList<int> cells, string kind = "s")
    {
        int rows = Math.Max(1, (cells.Count + Columns - 1) / Columns);
        List<XElement> content = [];
        for (int row = 0; row < rows; row++)
        {
            int end = Math.Min(cells.Count, (row + 1) * Columns);
            for (int first = row * Columns; first < end;)
            {
                int next = first + 1;
                while (next < end && cells[next] == cells[first])
                {
                    next++;
                }

                if (cells[first] > 0)
                {
                    content.Add(Svg(
                        "rect", With("x", first % Columns), With("y", row), With("width", next - first), With("height", 1), Class($"c {kind}{cells[first]}")));
                }

                first = next;
            }
        }

        return new Picture([With("viewBox", $"0 0 {Columns} {rows}"), Class("map")], content);
    }
}

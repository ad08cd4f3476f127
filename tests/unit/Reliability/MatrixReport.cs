namespace PreRecordMigration.Tests.Reliability;

/// <summary>Writes what came of the cases into a document, between its markers.</summary>
internal static class MatrixReport
{
    private const string Begin = "<!-- tables: written by tests/reliability -->";
    private const string End = "<!-- end of the tables -->";

    public static void Write(Matrix matrix, string path)
    {
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        File.WriteAllText(path, $"{text[..begin]}\n\n{string.Join("\n", Lines(matrix))}\n\n{text[end..]}");
    }

    private static IEnumerable<string> Lines(Matrix matrix)
    {
        MatrixOutcome[] tried = [.. matrix.Outcomes.Where(outcome => outcome.Come == outcome.Case.Disturbances.Count)];
        string which = Matrix.AskedPairs == "each" ? "each second fault in each situation" : "taken evenly";
        yield return $"{tried.Length} cases met their faults. Recovering from a first fault came to {matrix.Situations} situations. Of {matrix.PossiblePairs} pairs {matrix.Outcomes.Count(outcome => outcome.Case.Disturbances.Count == 2)} were run: {which}.";
        yield return "";
        yield return "| Method | faults | cases | runs at its source | moved | moved, resumed | lost |";
        yield return "|---|---|---|---|---|---|---|";
        foreach (var group in tried.GroupBy(outcome => (outcome.Case.Way, outcome.Case.Disturbances.Count)).OrderBy(group => group.Key.Count).ThenBy(group => group.Key.Way, StringComparer.Ordinal))
        {
            yield return $"| {group.Key.Way} | {group.Key.Count} | {Counts(group)} |";
        }

        yield return "";
        yield return "What one fault alone comes to, by its kind:";
        yield return "";
        yield return "| Fault | cases | runs at its source | moved | moved, resumed | lost |";
        yield return "|---|---|---|---|---|---|";
        foreach (var group in tried.Where(outcome => outcome.Case.Disturbances.Count == 1).GroupBy(outcome => outcome.Case.Disturbances[0].Upset).OrderBy(group => group.Key))
        {
            yield return $"| {group.Key} | {Counts(group)} |";
        }

        yield return "";
        yield return "Lost, and why:";
        yield return "";
        yield return "| Cases | of which with one fault | why |";
        yield return "|---|---|---|";
        foreach (var group in tried.Where(outcome => outcome.Fate == Fate.Lost).GroupBy(outcome => outcome.Why).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            yield return $"| {group.Count()} | {group.Count(outcome => outcome.Case.Disturbances.Count == 1)} | {group.Key} |";
        }
    }

    private static string Counts(IEnumerable<MatrixOutcome> outcomes)
    {
        MatrixOutcome[] all = [.. outcomes];
        return string.Join(" | ", Enum.GetValues<Fate>().Select(fate => all.Count(outcome => outcome.Fate == fate)).Prepend(all.Length));
    }
}

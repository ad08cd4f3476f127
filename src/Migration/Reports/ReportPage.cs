using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Replay;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>
/// A report that people look at: one file of HTML with its pictures and its style in it, that loads nothing, runs nothing, and is read on a phone, in light and dark,
/// on paper, and without seeing.
/// </summary>
public static class ReportPage
{
    /// <summary>The most migrations that have a section each; the pictures and tables side by side have the others too.</summary>
    internal const int MostSections = 20;

    /// <summary>Writes the page.</summary>
    /// <param name="stream">Where to; it stays open.</param>
    /// <param name="content">What it is of.</param>
    public static void Write(Stream stream, ReportContent content)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(content);
        List<(string Id, string Title, XElement Section)> sections = [.. Sections(content, new Figures())];
        string title = content switch
        {
            { Count: 1, Moves: [var move] } => $"{MoveSection.Title(move)}, {Sides.MethodOf(move)}",
            { Count: 1, Comparisons: [var comparison] } => $"{comparison.Name}: methods measured against each other",
            { Count: 1, Estimates: [var estimate] } => $"{estimate.Name}: what a move would cost",
            _ => "Migrations",
        };
        WritePage(
            stream,
            title,
            PageStyle.Css,
            [
                Html(
                    "header",
                    Html("h1", title),
                    Html("p", Class("soft"), $"Made {ValueText.Of(content.Made)} by PreRecordMigration {content.Module}."),
                    sections.Count < 2 ? null : Html(
                        "nav",
                        With("aria-label", "Sections"),
                        Html("ul", sections.Select(section => Html("li", Html("a", With("href", $"#{section.Id}"), section.Title)))))),
                Html("main", sections.Select(section => section.Section)),
                Html("footer", Html("p", "Times are those of the source's clock. What is not known is shown as a dash.")),
            ]);
    }

    private static IEnumerable<(string Id, string Title, XElement Section)> Sections(ReportContent content, Figures figures)
    {
        int last = 0;
        foreach (MigrationComparison comparison in content.Comparisons)
        {
            yield return Section($"{comparison.Name}: methods measured against each other", id => ComparisonSection.Make(comparison, id, figures));
        }

        if (content.Runs.Count > 0)
        {
            yield return Section("Runs of measurements", id => ComparisonSection.Runs(content.Runs, id));
        }

        if (content.Moves.Count > 1)
        {
            yield return Section("Migrations side by side", id => Sides.Make(content.Moves, id, figures));
        }

        foreach (MigrationOutcome move in content.Moves.Take(MostSections))
        {
            yield return Section($"{MoveSection.Title(move)}, {Sides.MethodOf(move)}", id => MoveSection.Make(move, id, figures));
        }

        if (content.Moves.Count > MostSections)
        {
            yield return Section("The other migrations", id => Html(
                "section",
                With("id", id),
                Html("h2", "The other migrations"),
                Html("p", $"Only the first {MostSections} of {content.Moves.Count} migrations have sections of their own here.")));
        }

        if (content.Unfinished.Count > 0)
        {
            yield return Section("Migrations that are not completed", id => OtherSections.Unfinished(content.Unfinished, id));
        }

        foreach (MigrationReport estimate in content.Estimates)
        {
            yield return Section($"{estimate.Name}: before the move", id => EstimateSection.Make(estimate, id, figures));
        }

        foreach (IGrouping<string, ReplayResult> recording in content.Orders.GroupBy(order => order.Name))
        {
            yield return Section($"Page orders on {recording.Key}", id => OtherSections.Orders(recording.Key, [.. recording], id, figures));
        }

        if (content.History.Count > 0)
        {
            yield return Section("History", id => OtherSections.History(content.History, id, figures));
        }

        (string, string, XElement) Section(string title, Func<string, XElement> make)
        {
            string id = $"s{++last}";
            return (id, title, make(id));
        }
    }
}

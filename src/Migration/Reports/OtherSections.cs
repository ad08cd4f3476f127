using System.Globalization;
using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.History;
using PreRecordMigration.Operations;
using PreRecordMigration.Replay;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>The sections of migrations that ended otherwise, of page orders, and of the history.</summary>
internal static class OtherSections
{
    /// <summary>The most rows of the history's table; programs read the rest as JSON.</summary>
    public const int MostEntries = 1000;

    /// <summary>Migrations that did not end well.</summary>
    public static XElement Unfinished(IReadOnlyList<MigrationInfo> migrations, string id) => Html(
        "section",
        With("id", id),
        Html("h2", "Migrations that are not completed"),
        Figures.Table(
            "Migrations that are not completed, and who has their domains",
            ["Domain", "From", "To", "Method", "State", "Who has the domain", "#After", "Why"],
            migrations.Select(migration => new[]
            {
                migration.Name,
                migration.Source,
                migration.Destination,
                migration.Mode is { } mode ? $"{migration.Method} {mode}" : $"{migration.Method}",
                migration.State.ToString(),
                Ownership.Words(migration.Holder),
                Quantity.Time(migration.Elapsed),
                migration.Error ?? "",
            })));

    /// <summary>How page orders did on one recording.</summary>
    public static XElement Orders(string name, IReadOnlyList<ReplayResult> orders, string id, Figures figures) => Html(
        "section",
        With("id", id),
        Html("h2", $"Page orders on the recording {name}"),
        orders.Where(order => order.Reason is not null).Select(order => Html("p", $"{order.Order}: {order.Reason}")),
        figures.Make(
            "Stalled time.",
            $"How long the guest would have stood still for pages, by order: from {Quantity.Time(orders.Min(order => order.StallTime).TotalSeconds)} to {Quantity.Time(orders.Max(order => order.StallTime).TotalSeconds)}.",
            Bars.Rows([.. orders.Select(order => new Bar(order.Order.ToString(), order.StallTime.TotalSeconds, Quantity.Time(order.StallTime.TotalSeconds)))]),
            null,
            Figures.Table(
                "Stalls",
                ["Order", "#Stalled", "#Median", "#99 of 100", "#Longest", "#To the oracle", "#To the best fixed order", "#To sequential"],
                orders.Select(order => new[]
                {
                    order.Order.ToString(), Quantity.Time(order.StallTime.TotalSeconds), Quantity.Time(order.MedianStall.TotalSeconds),
                    Quantity.Time(order.Percentile99Stall.TotalSeconds), Quantity.Time(order.LongestStall.TotalSeconds), Times(order.StallToOracle), Times(order.StallToBestStatic),
                    Times(order.StallToSequential),
                }))),
        figures.Make(
            "Remote faults.",
            $"First uses of pages that had not left the source: from {Quantity.Count(orders.Min(order => order.RemoteFaults))} to {Quantity.Count(orders.Max(order => order.RemoteFaults))}.",
            Bars.Rows([.. orders.Select(order => new Bar(order.Order.ToString(), order.RemoteFaults, Quantity.Count(order.RemoteFaults), 4))]),
            null,
            Figures.Table(
                "Faults, and how good the prediction was",
                ["Order", "#Remote faults", "#Late arrivals", "#Pushed before use", "#Predicted", "#Precision", "#Recall"],
                orders.Select(order => new[]
                {
                    order.Order.ToString(), Quantity.Count(order.RemoteFaults), Quantity.Count(order.LateArrivals), Quantity.Count(order.PushedBeforeUse),
                    Quantity.Count(order.PredictedPages), Quantity.Share(order.Precision), Quantity.Share(order.Recall),
                }))));

    /// <summary>How migrations ended.</summary>
    public static XElement History(IReadOnlyList<HistoryEntry> entries, string id, Figures figures)
    {
        HistoryEntry[] moved = [.. entries.Where(entry => entry.Downtime is not null).TakeLast(Sides.MostBars)];
        return Html(
            "section",
            With("id", id),
            Html("h2", "History"),
            Html("p", string.Join(", ", entries.GroupBy(entry => (entry.Side, entry.Fate)).Select(group =>
                $"{Quantity.Count(group.Count())} {group.Key.Fate} ({(group.Key.Side == HistorySide.Source ? "as the source says" : "as the destination says")})")) + "."),
            entries.Count > MostEntries ? Html("p", $"The table has the newest {MostEntries} of {Quantity.Count(entries.Count)} entries.") : null,
            moved.Length == 0 ? null : figures.Make(
                "Downtimes, the newest last.",
                $"How long domains stood still for their handover: from {Quantity.Time(moved.Min(entry => entry.Downtime))} to {Quantity.Time(moved.Max(entry => entry.Downtime))}.",
                Bars.Rows([.. moved.Select(entry => new Bar(
                    $"{ValueText.Of(entry.Time)} {entry.Name}, {entry.Method}", entry.Downtime!.Value, Quantity.Time(entry.Downtime), Colours.Of(entry.Method)))]),
                null,
                Figures.Table(
                    "Downtimes",
                    ["Ended", "Domain", "#Downtime", "#Clients waited", "#Exposure"],
                    moved.Select(entry => new[]
                    {
                        ValueText.Of(entry.Time), entry.Name, Quantity.Time(entry.Downtime), Quantity.Time(entry.ClientsWait), Quantity.Time(entry.Exposure),
                    }))),
            Figures.Table(
                "Ends of migrations, the newest last",
                ["Ended", "Domain", "Side", "What became of it", "From", "To", "Method", "#Took", "#Sent", "What went wrong"],
                entries.TakeLast(MostEntries).Select(entry => new[]
                {
                    ValueText.Of(entry.Time), entry.Name, entry.Side.ToString(), entry.Fate.ToString(), entry.Source, entry.Destination,
                    $"{entry.Method}{(entry.Mode is null ? "" : $" {entry.Mode}")}", Quantity.Time(entry.TotalTime), Quantity.Bytes(entry.BytesSent), entry.Error ?? "",
                })));
    }

    private static string Times(double? ratio) => ratio is { } known ? known.ToString("0.##", CultureInfo.InvariantCulture) : "–";
}

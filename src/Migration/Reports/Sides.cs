using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Operations;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>Several migrations side by side.</summary>
internal static class Sides
{
    /// <summary>The most bars of one picture; the tables have all.</summary>
    public const int MostBars = 60;

    /// <summary>The most curves of one picture: as many as can be told from each other.</summary>
    public const int MostCurves = 6;

    private static readonly (string Title, string What, Func<MigrationOutcome, double> Value, Func<double?, string> Text)[] s_measures =
    [
        ("Downtime", "How long the domain stood still for the handover", move => move.Downtime, Quantity.Time),
        ("Clients waited", "How long the domain's clients waited in all", move => move.ClientsWait, Quantity.Time),
        ("Exposure", "How long the domain needed both hosts", move => move.Exposure, Quantity.Time),
        ("Total time", "From the first step to the source's end", move => move.TotalTime, Quantity.Time),
        ("Bytes sent", "All that the source sent", move => move.BytesSent, Quantity.Bytes),
        ("Remote faults", "Pages that the domain touched before they had arrived", move => move.RemoteFaults, Quantity.Count),
    ];

    /// <summary>The method and its mode.</summary>
    public static string MethodOf(MigrationOutcome move) => move.Mode is { } mode ? $"{move.Method} {mode}" : $"{move.Method}";

    /// <summary>The section.</summary>
    public static XElement Make(IReadOnlyList<MigrationOutcome> moves, string id, Figures figures)
    {
        bool isOneDomain = moves.Select(move => move.Name).Distinct().Count() == 1;
        return Html(
            "section",
            With("id", id),
            Html("h2", "Migrations side by side"),
            moves.Count > MostBars ? Html("p", $"The pictures show the first {MostBars} of {moves.Count}; the tables have all.") : null,
            s_measures.Select(measure => figures.Make(
                $"{measure.Title}.",
                $"{measure.What}: from {measure.Text(moves.Min(measure.Value))} to {measure.Text(moves.Max(measure.Value))}.",
                Bars.Rows([.. moves.Take(MostBars).Select((move, index) =>
                    new Bar(Label(move, index), measure.Value(move), measure.Text(measure.Value(move)), Colours.Of(move.Method)))]),
                null,
                Figures.Table(
                    measure.Title,
                    ["Migration", $"#{measure.Title}"],
                    moves.Select((move, index) => new[] { Label(move, index), measure.Text(measure.Value(move)) })))),
            FaultsOverTime());

        XElement? FaultsOverTime()
        {
            (MigrationOutcome Move, int Index)[] faulting = [.. moves.Select((move, index) => (move, index)).Where(one => one.move.Known?.Faults.OverTime.Count > 0).Take(MostCurves)];
            return faulting.Length < 2 ? null : DetailFigures.Faults(
                [.. faulting.Select((one, curve) => (Label(one.Move, one.Index), curve + 1, one.Move))], [.. faulting.Select(one => one.Move.Known!)], figures);
        }

        string Label(MigrationOutcome move, int index) => $"{index + 1}. {(isOneDomain ? "" : $"{move.Name}, ")}{MethodOf(move)}";
    }
}

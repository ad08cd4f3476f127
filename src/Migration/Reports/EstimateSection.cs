using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Operations;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>The section of what a move would cost, and of what stands against it.</summary>
internal static class EstimateSection
{
    private static readonly (string Title, string What, Func<MigrationEstimateInfo, double> Value, Func<double?, string> Text)[] s_measures =
    [
        ("Clients would wait", "How long the domain's clients would wait in all", estimate => estimate.ClientsWait, Quantity.Time),
        ("Expected downtime", "How long the domain would stand still for the handover", estimate => estimate.Downtime, Quantity.Time),
        ("Expected exposure", "How long the domain would need both hosts", estimate => estimate.Exposure, Quantity.Time),
        ("Expected total time", "From the first step to the source's end", estimate => estimate.TotalTime, Quantity.Time),
    ];

    /// <summary>The section.</summary>
    public static XElement Make(MigrationReport report, string id, Figures figures) => Html(
        "section",
        Class("move"),
        With("id", id),
        Html("h2", $"{report.Name}: {report.HostName} to {report.Destination ?? "a host that is not decided yet"}, before the move"),
        Html(
            "p",
            report.Recommendation is { } advised ? Html("strong", $"Advised: {advised}{(report.Mode is null ? "" : $" {report.Mode}")}. ")
            : report.IsPossible ? null
            : Html("strong", "No method is possible. "),
            string.Join(" ", report.Reasons)),
        Html(
            "p",
            Class("soft"),
            $"A model, not a promise: {Quantity.Bytes(report.MemoryBytes)} of memory, {Quantity.Bytes(report.Bandwidth)}/s, round trip {Quantity.Time(report.RoundTrip)}; "
            + (report.SampleWindow > 0
                ? $"watched for {Quantity.Time(report.SampleWindow)}, in which {Quantity.Count(report.TouchedPages)} pages were touched and {Quantity.Count(report.DirtyPages)} written."
                : "nothing was sampled.")),
        Html("h3", "What stands against it, and what to do"),
        report.Incompatibilities.Count == 0
            ? Html("p", "Nothing stands against any method.")
            : Figures.Table(
                "Incompatibilities and their remedies",
                ["What", "Stands against", "What to do", "Error"],
                report.Incompatibilities.Select(found => new[] { found.Message, found.Methods, found.Remedy, found.ErrorId })),
        report.Estimates.Count == 0 ? null : new object[]
        {
            Html("h3", "What each method would cost"),
            s_measures.Select(measure => figures.Make(
                $"{measure.Title}.",
                $"{measure.What}: from {measure.Text(report.Estimates.Min(measure.Value))} to {measure.Text(report.Estimates.Max(measure.Value))}.",
                Bars.Rows([.. report.Estimates.Select(estimate =>
                    new Bar(Label(estimate), measure.Value(estimate), measure.Text(measure.Value(estimate)), Colours.Of(estimate.Method)))]),
                null,
                Figures.Table(measure.Title, ["Method", $"#{measure.Title}"], report.Estimates.Select(estimate => new[] { Label(estimate), measure.Text(measure.Value(estimate)) })))),
            Figures.Table(
                "Expected bytes and faults",
                ["Method", "#Bytes", "#Remote faults", "#Stalled", "Converges"],
                report.Estimates.Select(estimate => new[]
                {
                    Label(estimate), Quantity.Bytes(estimate.BytesSent), Quantity.Count(estimate.RemoteFaults), Quantity.Time(estimate.Stalled), estimate.Converges ? "yes" : "no",
                })),
        });

    private static string Label(MigrationEstimateInfo estimate) => estimate.Mode is { } mode ? $"{estimate.Method} {mode}" : $"{estimate.Method}";
}

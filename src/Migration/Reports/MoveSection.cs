using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>The section of one migration that is completed.</summary>
internal static class MoveSection
{
    /// <summary>The section.</summary>
    /// <param name="move">What it did.</param>
    /// <param name="id">Where it is on the page.</param>
    /// <param name="figures">The page's pictures.</param>
    public static XElement Make(MigrationOutcome move, string id, Figures figures) => Html(
        "section",
        Class("move"),
        With("id", id),
        Html("h2", Title(move)),
        Html("p", $"{Sides.MethodOf(move)}, begun {ValueText.Of(move.Started)}. {move.ModeReason}"),
        move.Problems.Length > 0 ? Html("p", Class("alert"), Html("strong", "It has moved, and something went wrong afterwards: "), move.Problems) : null,
        Key(move),
        Html("h3", "Timeline"),
        Timeline(move, figures),
        Html("h3", "Downtime"),
        Downtime(move, figures),
        Html("h3", "Pages"),
        Pages(move, figures),
        move.Known is { } details ? DetailFigures.Make(move, details, figures) : null,
        Rest(move));

    /// <summary>What is moved, from where, and where to.</summary>
    public static string Title(MigrationOutcome move) => $"{move.Name}: {move.Source} to {move.Destination}";

    private static XElement Key(MigrationOutcome move) => Html("dl", Class("key"), new (string, string)[]
    {
        ("Downtime", Quantity.Time(move.Downtime)),
        ("Clients waited", Quantity.Time(move.ClientsWait)),
        ("Needed both hosts", Quantity.Time(move.Exposure)),
        ("Total", Quantity.Time(move.TotalTime)),
        ("Sent", Quantity.Bytes(move.BytesSent)),
        ("Remote faults", Quantity.Count(move.RemoteFaults)),
    }.Select(entry => Html("div", Html("dt", entry.Item1), Html("dd", entry.Item2))));

    private static XElement Timeline(MigrationOutcome move, Figures figures)
    {
        (DomainHolder Holder, double Start, double Duration)[] owners = [.. Ownership.Of(move)];
        PhaseOutcome[] phases = [.. move.Phases.OrderBy(phase => phase.Start)];
        return figures.Make(
            "Who had the domain, and what the move did.",
            $"Above, who had it: {string.Join("; ", owners.Select(owner => $"it {Ownership.Words(owner.Holder)} for {Quantity.Time(owner.Duration)}"))}. Below, the phases, each from its beginning to its end.",
            Drawing.Timeline.Draw(
                [.. owners.Select(owner => new Span(Ownership.Words(owner.Holder), owner.Start, owner.Duration, Colours.Of(owner.Holder)))],
                [.. phases.Select(phase => new Span(phase.Phase.ToString(), phase.Start, phase.Duration, Colours.Of(phase.Phase)))],
                move.TotalTime),
            Figures.Legend(owners.Select(owner => owner.Holder).Distinct().Select(holder => (Colours.Of(holder), $"it {Ownership.Words(holder)}")), isNumbered: true),
            Figures.Table(
                "Owners and phases",
                ["What", "#Began", "#Took"],
                [
                    .. owners.Select(owner => new[] { $"The domain {Ownership.Words(owner.Holder)}", Quantity.Time(owner.Start), Quantity.Time(owner.Duration) }),
                    .. phases.Select(phase => new[] { phase.Phase.ToString(), Quantity.Time(phase.Start), Quantity.Time(phase.Duration) }),
                ]));
    }

    private static XElement Downtime(MigrationOutcome move, Figures figures)
    {
        if (move.DowntimeParts is not { } parts)
        {
            return Html("p", $"The domain stood still for {Quantity.Time(move.Downtime)}. What that went into is not known.");
        }

        DowntimePartOutcome longest = parts.MaxBy(part => part.Duration)!;
        return figures.Make(
            $"What {Quantity.Time(move.Downtime)} of downtime went into.",
            $"Most of it, {Quantity.Time(longest.Duration)}, was {longest.Part}.",
            Bars.Stack(
                [.. parts.Select(part => new Bar(part.Part.ToString(), part.Duration, Quantity.Time(part.Duration), Colours.Of(part.Part)))],
                Axis.Quarters(move.Downtime, seconds => Quantity.Time(seconds))),
            Figures.Legend(
                parts.Where(part => part.Duration > 0).Select(part => (Colours.Of(part.Part), $"{part.Part} {Quantity.Time(part.Duration)}")), isNumbered: true),
            Figures.Table(
                "Parts of the downtime, one after the other",
                ["Part", "#Took", "#Share"],
                parts.Select(part => new[] { part.Part.ToString(), Quantity.Time(part.Duration), Quantity.Share(Quantity.Of(part.Duration, move.Downtime)) })));
    }

    private static XElement Pages(MigrationOutcome move, Figures figures)
    {
        if (move.Pages is not { } pages)
        {
            return Html("p", $"{Quantity.Count(move.PagesPushed)} pages were pushed, and {Quantity.Count(move.PagesDemanded)} asked for.");
        }

        long all = pages.Where(kind => kind.Kind != SentPageKind.Zero).Sum(kind => kind.Count);
        return figures.Make(
            "Pages by when and why they were sent.",
            $"Of {Quantity.Count(all)} pages, {string.Join(", ", pages.Where(kind => kind.Count > 0).Select(kind => $"{Quantity.Count(kind.Count)} {kind.Kind}"))}; pages of zeros count among the others too.",
            Bars.Rows([.. pages.Where(kind => kind.Count > 0).Select(kind => new Bar(kind.Kind.ToString(), kind.Count, Quantity.Count(kind.Count), Colours.Of(kind.Kind)))]),
            null,
            Figures.Table(
                "Pages that were sent",
                ["Kind", "#Pages", "#Memory"],
                pages.Select(kind => new[] { kind.Kind.ToString(), Quantity.Count(kind.Count), Quantity.Bytes(kind.Count * (double)PreRecordMigration.Pages.Page.Size) })));
    }

    private static XElement Rest(MigrationOutcome move) => Html("details", Html("summary", "All other figures"), Figures.Table(
        "Other figures",
        ["Figure", "#Value"],
        new[]
        {
            ["Source's memory free after", Quantity.Time(move.Known?.SourceMemoryFreed is { } freed && freed > TimeSpan.Zero ? freed.TotalSeconds : null)],
            ["Checkpoint's pause", Quantity.Time(move.CheckpointPause)],
            ["Execution discarded", Quantity.Time(move.DiscardedExecution)],
            ["Outputs held back", Quantity.Time(move.OutputsHeldBack)],
            ["Rate", $"{Quantity.Bytes(move.BytesPerSecond)}/s"],
            ["Pushed pages before compression", Quantity.Bytes(move.PageBytes)],
            ["Pushed pages as they went", Quantity.Bytes(move.PageBytesSent)],
            ["Rounds", Quantity.Count(move.Rounds)],
            ["Pages left at the commit", Quantity.Count(move.PagesLeftAtCommit)],
            ["Pages of the core state", Quantity.Count(move.CorePages)],
            ["Pages of page tables among them", Quantity.Count(move.PageTablePages)],
            ["Pages recorded", Quantity.Count(move.RecordedPages)],
            ["Pages backed up", Quantity.Count(move.BackedUpPages)],
            ["Faults waited, mean", Quantity.Time(move.FaultLatency.Mean)],
            ["Faults waited, median", Quantity.Time(move.FaultLatency.Median)],
            ["Faults waited, 99 of 100 no longer", Quantity.Time(move.FaultLatency.P99)],
            ["Faults waited, longest", Quantity.Time(move.FaultLatency.Maximum)],
            ["Faults waited, in all", Quantity.Time(move.FaultLatency.Total)],
            new[] { "Proof of the rollback", move.RollbackProof?.ToString() ?? "none" },
        }));
}

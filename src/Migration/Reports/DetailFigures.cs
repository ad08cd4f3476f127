using System.Xml.Linq;
using PreRecordMigration.Drawing;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using static PreRecordMigration.Drawing.Markup;

namespace PreRecordMigration.Reports;

/// <summary>The pictures of what a move tells beyond its sums.</summary>
internal static class DetailFigures
{
    /// <summary>The most rows of a table that is read by eye: of more neighbours are put together.</summary>
    private const int MostRows = 64;

    /// <summary>How many steps a map of times has.</summary>
    private const int MostSteps = 6;

    /// <summary>The pictures, with their headings; those of which nothing is known are left out.</summary>
    public static IEnumerable<XElement> Make(MigrationOutcome move, MigrationDetails details, Figures figures)
    {
        if (details.Speed.Count > 1)
        {
            yield return Html("h3", "The guest's speed");
            yield return Speed(move, details, figures);
        }

        if (details.Faults.Latencies.Count > 0)
        {
            yield return Html("h3", "Remote faults");
            yield return Latencies(details.Faults, figures);
            if (details.Faults.OverTime.Count > 0)
            {
                yield return Faults([(Sides.MethodOf(move), 2, move)], [details], figures);
            }

            if (details.Faults.Causes.Count > 0)
            {
                yield return Causes(details.Faults, figures);
            }

            if (details.Faults.Vcpus.Count > 0)
            {
                yield return Vcpus(details.Faults, figures);
            }
        }

        if (details.Prediction is { Recorded: > 0 } or { Predicted: > 0 })
        {
            yield return Html("h3", "Scorecard of the prediction");
            yield return Score(details.Prediction, figures);
        }

        if (details.Memory.Count > 0)
        {
            yield return Html("h3", "The guest's memory");
            yield return Memory(details.Memory, figures);
            if (details.Memory.Max(cell => cell.LastSent) is { Ticks: > 0 } last)
            {
                yield return Times(details.Memory, last, figures);
            }
        }
    }

    /// <summary>Faults over the time of their moves, a curve for each.</summary>
    /// <param name="moves">What each is called, its curve, and its move.</param>
    /// <param name="details">What each tells.</param>
    /// <param name="figures">The page's pictures.</param>
    public static XElement Faults(
        IReadOnlyList<(string Label, int Series, MigrationOutcome Move)> moves, IReadOnlyList<MigrationDetails> details, Figures figures)
    {
        double length = moves.Max(move => move.Move.TotalTime);
        return figures.Make(
            "Remote faults over time.",
            string.Join("; ", moves.Select((move, index) => $"{move.Label}: {Quantity.Count(details[index].Faults.OverTime.Sum(one => one.Faults))} faults, {Most(details[index].Faults.OverTime)}")) + ".",
            Curves.Draw(
                [.. moves.Select((move, index) => new Curve(move.Series, [.. Steps(details[index].Faults.OverTime, move.Move.TotalTime)]))],
                length,
                rate => $"{Quantity.Count(rate)} a second",
                moves is [var only] ? Moments(only.Move) : []),
            moves.Count > 1 ? CurveLegend(moves.Select(move => (move.Series, move.Label))) : null,
            Figures.Table(
                "Remote faults over time",
                ["Migration", "#From", "#For", "#Faults", "#Stalled"],
                moves.SelectMany((move, index) => Joined(details[index].Faults.OverTime, MostRows / moves.Count).Select(one => new[]
                {
                    move.Label, Quantity.Time(one.Start.TotalSeconds), Quantity.Time(one.Length.TotalSeconds), Quantity.Count(one.Faults), Quantity.Time(one.Stalled.TotalSeconds),
                })),
                isLong: true));
    }

    /// <summary>A legend of curves, which differ by their dashes too.</summary>
    public static XElement CurveLegend(IEnumerable<(int Series, string Text)> entries) => Figures.Legend(
        40,
        10,
        entries.Select(entry => (
            Svg("line", With("x1", 0), With("x2", 40), With("y1", 5), With("y2", 5), Class($"l l{entry.Series}")),
            entry.Text)));

    private static XElement Speed(MigrationOutcome move, MigrationDetails details, Figures figures)
    {
        GuestSpeed speed = details.GuestSpeed;
        (DomainHolder Holder, int Series)[] holders = [.. details.Speed.Select(sample => sample.Where).Distinct().Select((holder, index) => (holder, index + 1))];
        return figures.Make(
            "The guest's speed over time.",
            $"Operations a second: {Quantity.Count(speed.Before)} before, {Quantity.Count(speed.InWindow)} while it was recorded or rounds went on, {Quantity.Count(speed.After)} in the end; "
            + $"the slowest stretch was {Quantity.Share(speed.DipDepth)} slower than before, it was slow for {Quantity.Time(speed.DipLength?.TotalSeconds)}, "
            + $"and {Quantity.Time(speed.BackAt90Percent?.TotalSeconds)} after the handover it had nine tenths of its speed again. In its first second at the destination it had {Quantity.Count(speed.InFirstSecond)}, "
            + $"from then to the tenth {Quantity.Count(speed.To10Seconds)}, and to the sixtieth {Quantity.Count(speed.To60Seconds)}.",
            Curves.Draw(
                [.. holders.Select(holder => new Curve(holder.Series, [.. details.Speed.Select((sample, index) => (
                    sample.At.TotalSeconds,
                    IsOf(details.Speed, index, holder.Holder) ? sample.OperationsPerSecond : double.NaN))]))],
                move.TotalTime,
                operations => $"{Quantity.Count(operations)} a second",
                Moments(move)),
            CurveLegend(holders.Select(holder => (holder.Series, $"while it {Ownership.Words(holder.Holder)}"))),
            Figures.Table(
                "Speed over time",
                ["Until", "#Operations a second", "Who had the domain"],
                Thinned(details.Speed, MostRows).Select(sample => new[]
                {
                    Quantity.Time(sample.At.TotalSeconds), Quantity.Count(sample.OperationsPerSecond), $"it {Ownership.Words(sample.Where)}",
                }),
                isLong: true));
    }

    /// <summary>A sample belongs to its holder's curve, and begins the next one's, so that there is no hole.</summary>
    private static bool IsOf(IReadOnlyList<SpeedSample> samples, int index, DomainHolder holder) =>
        samples[index].Where == holder || (index + 1 < samples.Count && samples[index + 1].Where == holder);

    private static XElement Latencies(FaultDetails faults, Figures figures)
    {
        long all = faults.Latencies.Sum(bucket => bucket.Count);
        LatencyBucket most = faults.Latencies.MaxBy(bucket => bucket.Count);
        return figures.Make(
            "How long remote faults waited.",
            $"{Quantity.Count(all)} faults, in powers of two; most of them, {Quantity.Count(most.Count)}, waited from {Range(most)}.",
            Bars.Lines([.. faults.Latencies.Select(bucket => new Bar(Range(bucket), bucket.Count, Quantity.Count(bucket.Count), 4))]),
            null,
            Figures.Table(
                "Waits of remote faults",
                ["Wait", "#Faults", "#Share"],
                faults.Latencies.Select(bucket => new[] { Range(bucket), Quantity.Count(bucket.Count), Quantity.Share(Quantity.Of(bucket.Count, all)) })));
    }

    private static XElement Causes(FaultDetails faults, Figures figures) => figures.Make(
        "Why pages had to be asked for.",
        string.Join("; ", faults.Causes.Select(cause => $"{Quantity.Count(cause.Count)} {Words(cause.Cause)}")) + ".",
        Bars.Rows([.. faults.Causes.Select(cause => new Bar(Words(cause.Cause), cause.Count, Quantity.Count(cause.Count), (int)cause.Cause + 1))]),
        null,
        Figures.Table("Causes of faults", ["Cause", "#Pages"], faults.Causes.Select(cause => new[] { Words(cause.Cause), Quantity.Count(cause.Count) })));

    private static XElement Vcpus(FaultDetails faults, Figures figures)
    {
        VcpuStall worst = faults.Vcpus.MaxBy(vcpu => vcpu.Stalled);
        return figures.Make(
            "How long each vCPU stood still for pages.",
            $"The longest was {Name(worst.Vcpu)}, for {Quantity.Time(worst.Stalled.TotalSeconds)}.",
            Bars.Rows([.. faults.Vcpus.Take(Sides.MostBars).Select(vcpu => new Bar(Name(vcpu.Vcpu), vcpu.Stalled.TotalSeconds, Quantity.Time(vcpu.Stalled.TotalSeconds), 4))]),
            null,
            Figures.Table(
                "Stalls of vCPUs",
                ["vCPU", "#Faults", "#Stalled"],
                faults.Vcpus.Select(vcpu => new[] { Name(vcpu.Vcpu), Quantity.Count(vcpu.Faults), Quantity.Time(vcpu.Stalled.TotalSeconds) })));

        static string Name(int vcpu) => vcpu < 0 ? "not known whose" : $"vCPU {Number(vcpu)}";
    }

    private static XElement Score(PredictionScore score, Figures figures)
    {
        (string What, double? Share)[] rows =
        [
            ("Precision: of what was recorded or predicted, used", score.Precision),
            ("Recall: of what was used, recorded or predicted", score.Recall),
            ("Of what was recorded, used", Part(score.RecordedUsed, score.Recorded)),
            ("Of what was predicted, used", Part(score.PredictedUsed, score.Predicted)),
        ];
        return figures.Make(
            "How good recording and predicting were.",
            score.Used is null
                ? "The destination's host cannot tell which pages the guest used."
                : $"Of {Quantity.Count(score.Recorded + score.Predicted)} pages that were sent first, {Quantity.Share(score.Precision)} were used; of {Quantity.Count(score.Used)} pages that were used, {Quantity.Share(score.Recall)} had been sent first.",
            Bars.Rows([.. rows.Select(row => new Bar(row.What, row.Share ?? 0, Quantity.Share(row.Share), 1))], whole: 1),
            null,
            Figures.Table(
                "Pages that were sent first, and what became of them",
                ["What", "#Pages", "#Used", "#Share"],
                new[]
                {
                    ["Recorded", Quantity.Count(score.Recorded), Quantity.Count(score.RecordedUsed), Quantity.Share(rows[2].Share)],
                    ["Predicted", Quantity.Count(score.Predicted), Quantity.Count(score.PredictedUsed), Quantity.Share(rows[3].Share)],
                    ["Precision", Quantity.Count(score.Recorded + score.Predicted), Quantity.Count(score.RecordedUsed + score.PredictedUsed), Quantity.Share(score.Precision)],
                    new[] { "Recall", Quantity.Count(score.Used), Quantity.Count(score.RecordedUsed + score.PredictedUsed), Quantity.Share(score.Recall) },
                }));

        static double? Part(long? used, long sent) => sent > 0 ? (double?)used / sent : null;
    }

    private static XElement Memory(IReadOnlyList<MemoryCell> cells, Figures figures)
    {
        SentPageKind?[] kinds = [.. cells.Select(cell => MainKind(cell.Sent))];
        SentPageKind[] there = [.. kinds.OfType<SentPageKind>().Distinct().Order()];
        return figures.Make(
            "The guest's memory by how its pages came.",
            $"From the first page to the last, line by line, {Quantity.Bytes(cells[0].Pages * (double)Pages.Page.Size)} a cell, in the colour of how most of it came: "
            + $"{string.Join(", ", there.Select(kind => $"{Quantity.Share(Quantity.Of(kinds.Count(other => other == kind), kinds.Length))} {kind}"))}; where nothing was sent it is empty.",
            CellMap.Draw([.. kinds.Select(kind => kind is { } known ? Colours.Of(known) : 0)]),
            Figures.Legend(there.Select(kind => (Colours.Of(kind), kind.ToString())), isNumbered: false),
            Figures.Table(
                "The guest's memory, from the first page to the last",
                ["From page", "#Pages", .. SentPages.None.All.Where(kind => kind.Kind != SentPageKind.Zero).Select(kind => $"#{kind.Kind}"), "#Last sent"],
                Regions(cells).Select(region => (string[])
                [
                    Quantity.Count(region.FirstPage), Quantity.Count(region.Pages),
                    .. region.Sent.All.Where(kind => kind.Kind != SentPageKind.Zero).Select(kind => Quantity.Count(kind.Count)), Quantity.Time(region.LastSent.TotalSeconds),
                ]),
                isLong: true));
    }

    private static XElement Times(IReadOnlyList<MemoryCell> cells, TimeSpan last, Figures figures)
    {
        int[] steps = [.. cells.Select(cell => cell.LastSent > TimeSpan.Zero ? Math.Clamp((int)Math.Ceiling(MostSteps * (cell.LastSent / last)), 1, MostSteps) : 0)];
        (int Step, string Text)[] entries =
            [.. Enumerable.Range(1, MostSteps).Select(step => (step, $"until {Quantity.Time(last.TotalSeconds * step / MostSteps)}"))];
        return figures.Make(
            "The guest's memory by when the last of it came.",
            $"The same cells, the darker or stronger the later: {string.Join(", ", entries.Select(entry => $"{Quantity.Share(Quantity.Of(steps.Count(step => step == entry.Step), steps.Length))} {entry.Text}"))}.",
            CellMap.Draw(steps, "t"),
            Figures.Legend(entries, isNumbered: false, "t"),
            Figures.Table(
                "When the guest's memory came",
                ["When", "#Cells"],
                entries.Select(entry => new[] { entry.Text, Quantity.Count(steps.Count(step => step == entry.Step)) })));
    }

    private static SentPageKind? MainKind(SentPages sent)
    {
        (SentPageKind kind, long count) = sent.All.Where(one => one.Kind != SentPageKind.Zero).MaxBy(one => one.Count);
        return count > 0 ? kind : null;
    }

    private static IEnumerable<MemoryCell> Regions(IReadOnlyList<MemoryCell> cells) => cells.Chunk(Math.Max(1, (cells.Count + MostRows - 1) / MostRows)).Select(some => new MemoryCell(
        some[0].FirstPage,
        some.Sum(cell => cell.Pages),
        some.Select(cell => cell.Sent).Aggregate(SentPages.None, (sum, sent) => sum.Plus(sent)),
        some.Max(cell => cell.LastSent)));

    private static IEnumerable<SpeedSample> Thinned(IReadOnlyList<SpeedSample> samples, int most)
    {
        int step = Math.Max(1, (samples.Count + most - 1) / most);
        return samples.Where((_, index) => index % step == 0 || index == samples.Count - 1);
    }

    private static IEnumerable<FaultInterval> Joined(IReadOnlyList<FaultInterval> intervals, int most) =>
        intervals.Chunk(Math.Max(1, (intervals.Count + most - 1) / Math.Max(1, most))).Select(some => new FaultInterval(
            some[0].Start,
            some[^1].Start + some[^1].Length - some[0].Start,
            some.Sum(one => one.Faults),
            TimeSpan.FromTicks(some.Sum(one => one.Stalled.Ticks))));

    /// <summary>Faults a second as steps; between stretches that are left out there were none.</summary>
    private static IEnumerable<(double At, double Value)> Steps(IReadOnlyList<FaultInterval> intervals, double length)
    {
        double until = 0;
        foreach (FaultInterval one in intervals)
        {
            double start = one.Start.TotalSeconds;
            if (start > until)
            {
                yield return (until, 0);
                yield return (start, 0);
            }

            double rate = Quantity.Of(one.Faults, one.Length.TotalSeconds);
            yield return (start, rate);
            yield return (until = start + one.Length.TotalSeconds, rate);
        }

        yield return (until, 0);
        yield return (Math.Max(until, length), 0);
    }

    private static string Most(IReadOnlyList<FaultInterval> intervals)
    {
        if (intervals.Count == 0)
        {
            return "none at any time";
        }

        FaultInterval most = intervals.MaxBy(one => one.Faults);
        return $"the most {Quantity.Time(most.Start.TotalSeconds)} after its beginning, {Quantity.Count(Quantity.Of(most.Faults, most.Length.TotalSeconds))} a second";
    }

    private static IReadOnlyList<(double At, string Text)> Moments(MigrationOutcome move) =>
        [.. move.Phases.Where(phase => phase.Phase == MigrationPhase.Handover).TakeLast(1).Select(phase => (phase.Start, "handover"))];

    private static string Range(LatencyBucket bucket) => $"{Quantity.Time(bucket.From.TotalSeconds)} to {Quantity.Time(bucket.To.TotalSeconds)}";

    private static string Words(FaultCause cause) => cause switch
    {
        FaultCause.RecordedLate => "recorded, but late",
        FaultCause.PredictedLate => "predicted, but late",
        FaultCause.OutsideWindows => "outside every prediction window",
        FaultCause.OutsideHotspots => "outside every hotspot",
        _ => "never predictable from the recording",
    };
}

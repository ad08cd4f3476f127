using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Tests.Ordering;

public sealed class FaultCausesTests
{
    private const int Pages = 4096;

    [Theory]
    [InlineData(PageOrderStrategy.LinearRegression, FaultCause.OutsideWindows)]
    [InlineData(PageOrderStrategy.IssDbscan, FaultCause.OutsideHotspots)]
    [InlineData(PageOrderStrategy.RecordedFirst, FaultCause.NotPredictable)]
    public void A_page_near_what_was_recorded_was_missed_by_what_predicted(PageOrderStrategy strategy, FaultCause cause)
    {
        // A walk over pages 1000 to 1063, one an epoch and eighth, and one page alone by itself.
        PageOrder order = Order(strategy, out AccessTrajectory trajectory);
        int predicted = order.PredictedCount > 0 ? order.Pfns[order.RecordedCount] : -1;
        PageBitmap asked = new(Pages);
        asked.TrySet(1000);
        asked.TrySet(3000 - 20);
        asked.TrySet(3900);
        if (predicted >= 0)
        {
            asked.TrySet(predicted);
        }

        Dictionary<FaultCause, long> causes = FaultCauses.Count(order, trajectory, asked, PageOrderOptions.Default).ToDictionary(one => one.Cause, one => one.Count);
        Assert.Equal(asked.Count, causes.Values.Sum());
        Assert.Equal(1, causes[FaultCause.RecordedLate]);
        Assert.Equal(predicted >= 0, causes.ContainsKey(FaultCause.PredictedLate));
        Assert.Equal(cause == FaultCause.NotPredictable ? 2 : 1, causes[FaultCause.NotPredictable]);
        Assert.Equal(cause == FaultCause.NotPredictable ? 2 : 1, causes[cause]);
    }

    [Fact]
    public void Without_a_recording_nothing_can_be_predicted()
    {
        PageBitmap asked = new(Pages);
        asked.SetRange(5, 3);
        Assert.Equal([new FaultCauseCount(FaultCause.NotPredictable, 3)], FaultCauses.Count(null, null, asked, PageOrderOptions.Default));
        PageBitmap all = new(Pages);
        all.SetRange(0, Pages);
        Assert.Equal([new FaultCauseCount(FaultCause.NotPredictable, 3)], FaultCauses.Count(PageOrder.Sequential(all), null, asked, PageOrderOptions.Default));
    }

    [Fact]
    public void What_was_recorded_and_went_before_the_order_was_made_is_late_too()
    {
        Order(PageOrderStrategy.RecordedFirst, out AccessTrajectory trajectory);
        PageBitmap left = new(Pages);
        left.SetRange(2000, 100);
        PageBitmap asked = new(Pages);
        asked.TrySet(1005);
        Assert.Equal(
            [new FaultCauseCount(FaultCause.RecordedLate, 1)],
            FaultCauses.Count(PageOrder.Build(left, trajectory, [PageOrderStrategy.RecordedFirst]), trajectory, asked, PageOrderOptions.Default));
    }

    private static PageOrder Order(PageOrderStrategy strategy, out AccessTrajectory trajectory)
    {
        AccessRecord[] records =
            [.. Enumerable.Range(0, 64).Select(i => new AccessRecord(i, i / 8, 1000 + i, AccessKind.Read)), new AccessRecord(64, 8, 3000, AccessKind.Read)];
        trajectory = new AccessTrajectory(records, Pages, TimeSpan.FromMilliseconds(10), 9, true);
        PageBitmap all = new(Pages);
        all.SetRange(0, Pages);
        return PageOrder.Build(all, trajectory, [strategy]);
    }
}

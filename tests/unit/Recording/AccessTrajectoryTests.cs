using PreRecordMigration.Recording;

namespace PreRecordMigration.Tests.Recording;

public sealed class AccessTrajectoryTests
{
    private static readonly TimeSpan s_epoch = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void Pages_come_by_first_touch()
    {
        AccessTrajectory trajectory = Make([new(0, 0, 5, AccessKind.Read), new(1, 0, 2, AccessKind.Write), new(4, 1, 5, AccessKind.Write), new(5, 2, 9, AccessKind.Read)]);
        Assert.Equal([5, 2, 9], trajectory.PagesByFirstTouch());
        Assert.Equal(4, trajectory.Count);
        Assert.Equal(9, trajectory.Records[3].Pfn);
    }

    public static TheoryData<AccessRecord[]> Wrong => new()
    {
        new AccessRecord[] { new(0, 0, 10, AccessKind.Read) },
        new AccessRecord[] { new(0, 0, -1, AccessKind.Read) },
        new AccessRecord[] { new(0, 3, 1, AccessKind.Read) },
        new AccessRecord[] { new(-1, 0, 1, AccessKind.Read) },
        new AccessRecord[] { new(1, 0, 1, AccessKind.Read), new(1, 0, 2, AccessKind.Read) },
        new AccessRecord[] { new(0, 1, 1, AccessKind.Read), new(1, 0, 2, AccessKind.Read) },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Refuses_records_out_of_order_or_outside(AccessRecord[] records) =>
        Assert.Throws<ArgumentException>(() => Make(records));

    [Fact]
    public void Refuses_an_epoch_without_length() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new AccessTrajectory([], 10, TimeSpan.Zero, 1, true));

    private static AccessTrajectory Make(AccessRecord[] records) => new(records, 10, s_epoch, 3, true);
}

using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class SentPageLogTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_cell_has_its_pages_by_when_and_why_and_the_time_of_the_last()
    {
        SentPageLog log = new(3000, _time);
        _time.Advance(TimeSpan.FromSeconds(1));
        log.Sent(SentPageKind.Core, [0, 1, 2]);
        _time.Advance(TimeSpan.FromSeconds(1));
        log.Sent(SentPageKind.Rest, [2999, 3]);
        IReadOnlyList<MemoryCell> cells = log.Cells();
        Assert.Equal(1500, cells.Count);
        Assert.Equal(new MemoryCell(0, 2, SentPages.None with { Core = 2 }, TimeSpan.FromSeconds(1)), cells[0]);
        Assert.Equal(new MemoryCell(2, 2, SentPages.None with { Core = 1, Rest = 1 }, TimeSpan.FromSeconds(2)), cells[1]);
        Assert.Equal(new MemoryCell(4, 2, SentPages.None, TimeSpan.Zero), cells[2]);
        Assert.Equal(SentPages.None with { Rest = 1 }, cells[^1].Sent);
        Assert.Equal(SentPages.None with { Core = 3, Rest = 2 }, log.Total);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData((16 << 20) + 1)]
    public void The_map_has_no_gap_and_never_more_cells_than_it_may(int pages)
    {
        IReadOnlyList<MemoryCell> cells = new SentPageLog(pages, _time).Cells();
        Assert.InRange(cells.Count, pages == 0 ? 0 : 1, MigrationDetails.MaximumCells);
        int next = 0;
        foreach (MemoryCell cell in cells)
        {
            Assert.Equal(next, cell.FirstPage);
            next += cell.Pages;
        }

        Assert.Equal(pages, next);
    }
}

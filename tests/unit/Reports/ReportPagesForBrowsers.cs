using PreRecordMigration.Options;
using PreRecordMigration.Reports;

namespace PreRecordMigration.Tests.Reports;

/// <summary>Pages for tests/reports, which opens them in a browser.</summary>
public sealed class ReportPagesForBrowsers
{
    public static TheoryData<string> Names => [.. s_pages.Keys];

    private static readonly Dictionary<string, Func<ReportContent>> s_pages = new(StringComparer.Ordinal)
    {
        ["move-of-64-GiB"] = () => new ReportContent { Made = ReportSamples.Made, Moves = [ReportSamples.Move()] },
        ["everything"] = () => ReportSamples.All(),
        ["hostile"] = () => ReportSamples.All(ReportSamples.Hostile, ReportSamples.Hostile + new string('x', 3000)),
        ["comparison"] = () => new ReportContent
        {
            Made = ReportSamples.Made,
            Moves = [.. Enum.GetValues<MigrationMethod>().Select(method => ReportSamples.Move(method: method, bytes: (1L + (long)method) << 30))],
        },
        ["measured"] = () => new ReportContent { Made = ReportSamples.Made, Comparisons = ReportSamples.All().Comparisons },
        ["estimate"] = () => new ReportContent { Made = ReportSamples.Made, Estimates = ReportSamples.All().Estimates },
        ["little"] = () => new ReportContent
        {
            Made = ReportSamples.Made,
            Moves = [ReportSamples.Move(method: MigrationMethod.PreCopy) with { Known = null, DowntimeParts = null, Pages = null, Phases = [] }],
        },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_page_is_written(string name)
    {
        string folder = Environment.GetEnvironmentVariable("PRERECORD_TEST_PAGES") ?? AppContext.BaseDirectory;
        string path = Path.Combine(folder, $"{name}.html");
        using (FileStream stream = File.Create(path))
        {
            ReportPage.Write(stream, s_pages[name]());
        }

        Assert.InRange(new FileInfo(path).Length, 5_000, 1_999_999);
    }
}

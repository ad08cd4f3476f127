using System.Text;
using PreRecordMigration.History;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Tests.History;

/// <summary>An entry is a line of JSON, and only such a line is an entry.</summary>
public sealed class HistoryLineTests
{
    /// <summary>An entry with everything in it.</summary>
    internal static HistoryEntry Full { get; } = new()
    {
        Time = new DateTimeOffset(2026, 11, 29, 12, 30, 1, TimeSpan.FromHours(2)),
        Name = "web[1] 名前",
        Side = HistorySide.Source,
        Fate = HistoryFate.Moved,
        Source = "xen1",
        Destination = "xen2",
        Method = MigrationMethod.PreRecord,
        Mode = RecordingMode.Observe,
        Hypervisor = "Xen",
        Attempts = 2,
        Started = new DateTimeOffset(2026, 11, 29, 12, 29, 57, TimeSpan.FromHours(2)),
        TotalTime = 3.853211,
        Downtime = 0.0207,
        Parts = DowntimeParts.Of(part => TimeSpan.FromMilliseconds((int)part)),
        ClientsWait = 0.467,
        Exposure = 2.38,
        BytesSent = 17_301_504,
        RemoteFaults = 42,
        Details = "RecordedLate 3; source free after 3.2 s",
        ErrorId = "ConnectionLost",
        Error = "Something was said.",
    };

    [Fact]
    public void What_is_written_is_read()
    {
        byte[] line = HistoryLine.Write(Full);
        Assert.Equal('\n', (char)line[^1]);
        Assert.DoesNotContain((byte)'\n', line[..^1]);
        Assert.StartsWith("{\"Schema\":1,\"Time\":\"2026-11-29T10:30:01", Encoding.UTF8.GetString(line), StringComparison.Ordinal);
        Assert.Contains("名前", Encoding.UTF8.GetString(line), StringComparison.Ordinal);
        Assert.True(HistoryLine.TryRead(line, out HistoryEntry? read));
        Assert.Equal(Full with { Time = Full.Time.ToUniversalTime(), Started = Full.Started.ToUniversalTime() }, read);
    }

    [Fact]
    public void What_a_side_does_not_know_stays_unknown()
    {
        HistoryEntry scant = Full with
        {
            Side = HistorySide.Destination,
            Method = null,
            Mode = null,
            Downtime = null,
            Parts = null,
            ClientsWait = null,
            Exposure = null,
            BytesSent = null,
            RemoteFaults = null,
            ErrorId = null,
            Error = null,
        };
        Assert.True(HistoryLine.TryRead(HistoryLine.Write(scant), out HistoryEntry? read));
        Assert.Equal(scant.ToString(), read.ToString());
        Assert.Null(read.BytesSent ?? read.RemoteFaults);
        Assert.Null(read.Method);
        Assert.Null(read.Downtime ?? read.ClientsWait ?? read.Exposure);
        Assert.Null(read.DowntimeParts);
    }

    [Fact]
    public void What_the_downtime_went_into_is_an_object_of_seconds()
    {
        string line = Encoding.UTF8.GetString(HistoryLine.Write(Full));
        Assert.Contains("\"DowntimeParts\":{\"Ask\":0,\"Suspend\":0.001,\"Prove\":0.002,", line, StringComparison.Ordinal);
        Assert.True(HistoryLine.TryRead(Encoding.UTF8.GetBytes(line.Replace("\"Prove\":0.002,", "", StringComparison.Ordinal)), out HistoryEntry? other));
        Assert.Equal(Full.Parts! with { Prove = TimeSpan.Zero }, other.Parts);
        Assert.False(HistoryLine.TryRead(Encoding.UTF8.GetBytes(line.Replace("\"Prove\":0.002", "\"Prove\":-0.002", StringComparison.Ordinal)), out _));
        Assert.False(HistoryLine.TryRead(Encoding.UTF8.GetBytes(line.Replace("\"Prove\":0.002", "\"Prove\":1e300", StringComparison.Ordinal)), out _));
    }

    [Fact]
    public void Foreign_text_is_written_as_it_may_be_shown()
    {
        byte[] line = HistoryLine.Write(Full with { Error = "red\u001b[31m\nred\ud800" });
        Assert.True(HistoryLine.TryRead(line, out HistoryEntry? read));
        Assert.Equal(@"red\u001B[31m\u000Ared\uD800", read.Error);
    }

    [Fact]
    public void The_longest_texts_make_a_line_that_is_read()
    {
        string longest = new('\u0416', 200_000);
        HistoryEntry entry = Full with { Name = longest, Source = longest, Destination = longest, Hypervisor = longest, ErrorId = longest, Error = new('"', 200_000) };
        byte[] line = HistoryLine.Write(entry);
        Assert.InRange(line.Length, 1, HistoryLine.Longest);
        Assert.True(HistoryLine.TryRead(line, out HistoryEntry? read));
        Assert.Equal(ForeignText.Longest, read.Error!.Length);
    }

    [Fact]
    public void What_a_later_version_adds_is_passed_over()
    {
        string line = Encoding.UTF8.GetString(HistoryLine.Write(Full)).Replace("\"Attempts\"", "\"Later\":{\"a\":[1]},\"Attempts\"", StringComparison.Ordinal);
        Assert.True(HistoryLine.TryRead(Encoding.UTF8.GetBytes(line), out HistoryEntry? read));
        Assert.Equal(Full.Name, read.Name);
    }

    [Theory]
    [InlineData("\"Schema\":1", "\"Schema\":2")]
    [InlineData("\"Schema\":1", "\"Schema\":1.5")]
    [InlineData("\"Schema\":1", "\"Schema\":\"1\"")]
    [InlineData("\"Schema\":1,", "")]
    [InlineData("\"Side\":\"Source\"", "\"Side\":\"0\"")]
    [InlineData("\"Fate\":\"Moved\"", "\"Fate\":\"Moved,RanOn\"")]
    [InlineData("\"Fate\":\"Moved\"", "\"Fate\":7")]
    [InlineData("\"Name\":\"web[1] 名前\"", "\"Name\":\"\"")]
    [InlineData("\"Name\":\"web[1] 名前\"", "\"Name\":\"\\ud800\"")]
    [InlineData("\"Name\":\"web[1] 名前\"", "\"Name\":[\"web\"]")]
    [InlineData("\"TotalTime\":3.853211", "\"TotalTime\":1e999")]
    [InlineData("\"TotalTime\":3.853211", "\"TotalTime\":1e300")]
    [InlineData("\"TotalTime\":3.853211", "\"TotalTime\":-1")]
    [InlineData("\"TotalTime\":3.853211", "\"TotalTime\":[[[[[[1]]]]]]")]
    [InlineData("\"BytesSent\":17301504", "\"BytesSent\":-1")]
    [InlineData("\"BytesSent\":17301504", "\"BytesSent\":9223372036854775808")]
    [InlineData("\"Time\":\"2026-", "\"Time\":\"0001-")]
    [InlineData("\"Time\":\"2026-", "\"Time\":\"yesterday-")]
    [InlineData("}", "")]
    [InlineData("{", "[{")]
    public void What_is_no_line_of_ours_is_none(string written, string instead)
    {
        string line = Encoding.UTF8.GetString(HistoryLine.Write(Full));
        Assert.Contains(written, line, StringComparison.Ordinal);
        Assert.False(HistoryLine.TryRead(Encoding.UTF8.GetBytes(line.Replace(written, instead, StringComparison.Ordinal)), out _));
    }

    [Theory]
    [InlineData(HistorySide.Source, HistoryFate.Moved, "web moved from xen1 to xen2 in 3.853 s, downtime 0.021 s.")]
    [InlineData(HistorySide.Destination, HistoryFate.Moved, "web came in from xen1 to xen2 in 3.853 s.")]
    [InlineData(HistorySide.Source, HistoryFate.RanOn, "web runs on at xen1: it did not move to xen2.")]
    [InlineData(HistorySide.Destination, HistoryFate.NeverRan, "web did not come in from xen1 to xen2, where nothing of it is left.")]
    [InlineData(HistorySide.Source, HistoryFate.Interrupted, "web is split: its migration from xen1 to xen2 was interrupted after the commit.")]
    [InlineData(HistorySide.Destination, HistoryFate.GivenUp, "web was given up: its half of the migration from xen1 to xen2 is destroyed at the destination.")]
    [InlineData(HistorySide.Source, HistoryFate.Unfinished, "web is left to the next command at the source of its migration from xen1 to xen2.")]
    public void An_entry_is_a_sentence(HistorySide side, HistoryFate fate, string sentence) =>
        Assert.Equal(sentence, (Full with { Name = "web", Side = side, Fate = fate, Error = null }).ToString());
}

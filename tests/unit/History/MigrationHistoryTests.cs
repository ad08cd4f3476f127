using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.History;

namespace PreRecordMigration.Tests.History;

/// <summary>An end is noted in the file and in the journal; what cannot be noted is said, and keeps nobody.</summary>
[SupportedOSPlatform("linux")]
public sealed class MigrationHistoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("history-").FullName;

    private string Folder => Path.Combine(_root, "state");

    private string Journal => Path.Combine(_root, "journal");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_newest_that_are_meant_are_read_newest_last_and_what_is_no_line_is_counted()
    {
        MigrationHistory history = new(Folder, Journal);
        foreach (string name in new[] { "web1", "db1", "web2", "web3" })
        {
            Assert.Null(history.Note(HistoryLineTests.Full with { Name = name }));
            File.AppendAllText(Path.Combine(Folder, HistoryFile.Name), "{\"Schema\":1,");
        }

        HistoryReading all = history.Read();
        Assert.Equal(["web1", "db1", "web2", "web3"], all.Entries.Select(entry => entry.Name));
        Assert.Equal(4, all.Unread);
        Assert.Equal(["web2", "web3"], history.Read(entry => entry.Name.StartsWith("web", StringComparison.Ordinal), 2).Entries.Select(entry => entry.Name));
    }

    [Fact]
    public void What_cannot_be_noted_is_said_until_something_is_noted_again()
    {
        File.WriteAllText(Folder, "");
        MigrationHistory history = new(Folder, Journal);
        MigrationException? problem = history.Note(HistoryLineTests.Full);
        Assert.Equal(MigrationErrorId.FileNotTrusted, problem!.ErrorId);
        Assert.Same(problem, history.Problem);
        File.Delete(Folder);
        Assert.Null(history.Note(HistoryLineTests.Full));
        Assert.Null(history.Problem);
    }

    [Fact]
    public void It_is_noted_within_the_limits_that_are_configured_and_with_the_defaults_where_they_cannot_be_read()
    {
        MigrationHistory history = new(Folder, Journal) { Configured = () => new HistoryLimits(1, 0) };
        Assert.Null(history.Note(HistoryLineTests.Full));
        Assert.Null(history.Note(HistoryLineTests.Full with { Name = "last" }));
        Assert.Equal("last", Assert.Single(history.Read().Entries).Name);
        history.Configured = () => throw new FormatException("It makes no sense.");
        Assert.Contains("It makes no sense.", history.Note(HistoryLineTests.Full)!.Message, StringComparison.Ordinal);
        Assert.Equal(2, history.Read().Entries.Count);
    }

    [Fact]
    public void The_journal_is_told_with_an_id_a_priority_and_fields()
    {
        using Socket journal = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(Journal));
        MigrationHistory history = new(Folder, Journal);
        Assert.Null(history.Note(HistoryLineTests.Full with { Error = null, ErrorId = null, Mode = null }));
        byte[] datagram = new byte[64 << 10];
        string[] fields = Encoding.UTF8.GetString(datagram, 0, journal.Receive(datagram)).Split('\n');
        Assert.Equal(
            [
                "MESSAGE_ID=68e96bfd2f094ed194f056f67fab87b4", "MESSAGE=web[1] 名前 moved from xen1 to xen2 in 3.853 s, downtime 0.021 s.", "PRIORITY=6",
                "SYSLOG_IDENTIFIER=prerecord", "PRERECORD_DOMAIN=web[1] 名前", "PRERECORD_SIDE=Source", "PRERECORD_FATE=Moved", "PRERECORD_SOURCE=xen1",
                "PRERECORD_DESTINATION=xen2", "PRERECORD_METHOD=PreRecord", "PRERECORD_HYPERVISOR=Xen", "PRERECORD_ATTEMPTS=2",
                "PRERECORD_TOTAL_TIME=3.853211", "PRERECORD_DOWNTIME=0.0207", "PRERECORD_BYTES_SENT=17301504", "PRERECORD_REMOTE_FAULTS=42", "",
            ],
            fields);
    }

    [Fact]
    public void A_journal_that_takes_nothing_keeps_nobody()
    {
        using Socket journal = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(Journal));
        int sent = 0;
        while (SystemJournal.Send([("MESSAGE", "full")], Journal))
        {
            sent++;
        }

        Assert.NotEqual(0, sent);
        Assert.Null(new MigrationHistory(Folder, Journal).Note(HistoryLineTests.Full));
    }

    [Fact]
    public void Each_fate_has_an_id_of_its_own_and_the_document_has_them()
    {
        string document = File.ReadAllText(Path.Combine(Repository(), "docs", "operating.md"));
        string[] ids =
        [
            .. Enum.GetValues<HistoryFate>().Select(fate => MigrationHistory
                .Fields(HistoryLineTests.Full with { Fate = fate })
                .First(field => field.Name == "MESSAGE_ID").Value!),
        ];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(Enum.GetValues<HistoryFate>(), fate => Assert.Contains($"| `{fate}` | `{ids[(int)fate]}` |", document, StringComparison.Ordinal));
    }

    [Fact]
    public void A_value_of_several_lines_is_sent_with_its_length() => Assert.Equal(
        "A=b\nC\n\u0003\0\0\0\0\0\0\0d\ne\n", Encoding.ASCII.GetString(SystemJournal.Encode([("A", "b"), ("C", "d\ne"), ("F", null)])));

    private static string Repository([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;
using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Texts;
using PreRecordMigration.Transfer;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Texts;

/// <summary>Wherever text comes in or goes out, the one function has been through it; nobody can add a place and forget.</summary>
public sealed partial class ForeignBoundaryTests
{
    private const string Hostile = "web\u001b[2J\u009b31m\r\n\u202e\u2028\ud83d\udc7d 名前";

    /// <summary>Where bytes become text and are shown: each of these files calls the function.</summary>
    private static readonly string[] s_shown =
    [
        "Migration/Recording/TrajectoryHeader.cs", "Migration/Transfer/WireReader.cs", "Migration/Transports/ProcessChannel.cs",
        "Migration/Xen/Admission/XlAdmission.cs", "Migration/Xen/Qmp/QmpConnection.cs", "Migration/Xen/Life/XlRestoreProcess.cs",
        "Migration/Xen/Life/KnownDomain.cs", "Migration/Processes/OwnerProcess.cs", "Migration/Xen/Native/XenControl.Host.cs",
        "Migration/Xen/Native/XenException.cs", "Migration/Xen/Host/XlAnswer.cs",
    ];

    /// <summary>Files in which bytes become text that is understood and not shown, except by exceptions, which show nothing unescaped;
    /// each with the reason.</summary>
    private static readonly Dictionary<string, string> s_understood = new(StringComparer.Ordinal)
    {
        ["Migration/Methods/ArrivalJournal.cs"] = "words, each compared with what it may be",
        ["Migration/Processes/SystemProgram.cs"] = "what a program of the system says, which LayerProgram shows",
        ["Migration/Xen/Outputs/DeviceMapper.cs"] = "the kernel's words and numbers, and names of ours",
        ["Migration/Xen/Outputs/KernelNumber.cs"] = "the kernel's numbers",
        ["Migration/Simulated/DomainConfiguration.cs"] = "a name, and SimulatedDomainOptions takes no other than one that may be shown",
        ["Migration/Transports/LoopbackKey.cs"] = "hexadecimal digits",
        ["Migration/Transports/LoopbackPeer.cs"] = "the kernel's table of sockets",
        ["Migration/Transports/SshRoute.cs"] = "hexadecimal digits",
        ["Migration/Xen/Hvm/EmulatorState.cs"] = "keys and values for XenStore, each compared with what an emulator may have",
        ["Migration/Xen/Native/XenControl.Domains.cs"] = "a configuration, which the destination judges",
        ["Migration/Xen/Native/XenControl.Store.cs"] = "values, of which DomainNames shows the names and the marks show what is checked",
        ["Migration/Xen/Native/XenVersion.cs"] = "a word of the kernel's, and numbers",
        ["Migration/Xen/Native/XenLibrary.cs"] = "what a library says, for XenException",
        ["Migration/Xen/Streams/LibxlRecords.cs"] = "keys and values for XenStore, each compared with what an emulator may have",
        ["Migration/Xen/Streams/XlConfiguration.cs"] = "a configuration, which the destination judges",
        ["Migration/Xen/Streams/XlHeader.cs"] = "a configuration, which the destination judges",
        ["Migration/Operations/CertificateFiles.cs"] = "PEM",
        ["Cmdlets/Configuration/MigrationConfiguration.cs"] = "whether a file has anything in it",
        ["Migration/Operations/LocalXen.cs"] = "a word of the kernel's",
        ["Migration/Files/FollowedFile.cs"] = "numbers of the kernel's",
    };

    [Fact]
    public void Every_place_where_text_comes_in_is_known()
    {
        string[] found =
        [
            .. Sources().Where(source => Reading().IsMatch(File.ReadAllText(source.File))).Select(source => source.Name),
        ];
        Assert.Empty(found.Except(s_shown).Except(s_understood.Keys));
        Assert.Empty(s_understood.Keys.Except(found));
        Assert.All(s_shown, name => Assert.Contains(
            $"{nameof(ForeignText)}.Show", File.ReadAllText(Path.Combine(SourceFolder(), name)), StringComparison.Ordinal));
    }

    [Fact]
    public void Nobody_else_decides_what_may_be_shown() => Assert.Equal(
        [],
        Sources()
            .Where(source => source.Name != "Migration/Texts/ForeignText.cs" && Deciding().IsMatch(File.ReadAllText(source.File)))
            .Select(source => source.Name));

    [Fact]
    public void What_an_exception_says_may_be_shown()
    {
        MigrationException error = new(MigrationErrorId.InvalidFile, Hostile, Hostile, Hostile);
        Assert.True(ForeignText.IsPlain(error.Message));
        Assert.True(ForeignText.IsPlain(error.Remedy));
        Assert.True(ForeignText.IsPlain(error.Target));
        Assert.Contains("👽 名前", error.Message, StringComparison.Ordinal);
        Assert.True(ForeignText.IsPlain(new XenException("call", 1, Hostile, Hostile).Message));
    }

    [Fact]
    public void What_a_peer_says_over_the_wire_may_be_shown()
    {
        AbortRecord abort = (AbortRecord)Decode(new AbortRecord(MigrationErrorId.DomainBusy, Hostile, Hostile));
        VerdictRecord verdict = (VerdictRecord)Decode(
            new VerdictRecord(new AdmissionVerdict(Hostile, [new AdmissionRefusal(Hostile, Hostile, Hostile)])));
        SettledRecord settled = (SettledRecord)Decode(new SettledRecord("名前", new AbortRecord(MigrationErrorId.DomainBusy, Hostile, Hostile)));
        AdmissionRefusal refusal = Assert.Single(verdict.Verdict.Refusals);
        foreach (string text in new[]
        {
            abort.Message, abort.Remedy, verdict.Verdict.Policy, refusal.Setting, refusal.Reason, refusal.AllowedBy, settled.Problem!.Message,
            settled.Problem.Remedy,
        })
        {
            Assert.Equal(@"web\u001B[2J\u009B31m\u000D\u000A\u202E\u2028👽 名前", text);
        }

        Assert.Equal("名前", settled.Name);
    }

    [Theory]
    [InlineData(Hostile)]
    [InlineData("")]
    [InlineData("a\u0000b")]
    public void What_a_peer_calls_a_domain_is_a_name_or_is_refused(string name)
    {
        foreach (ControlRecord record in new ControlRecord[]
        {
            new SettledRecord(name, null),
            new PrepareRecord(new DomainDescription(name, DomainKind.Pvh, 1, [new PageRange(0, 1)], 1, new byte[] { 1 }), PageArrival.AfterRun),
        })
        {
            MigrationException error = Assert.Throws<MigrationException>(() => Decode(record));
            Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
            Assert.True(ForeignText.IsPlain(error.Message));
        }
    }

    [Fact]
    public void A_domain_of_this_host_is_shown_and_found_by_what_may_be_shown_of_its_name()
    {
        FakeXen xen = new();
        FakeDomain domain = xen.Add(Hostile);
        using IDomainControl control = xen.Connect();
        string? name = DomainNames.Of(control, domain.DomId);
        Assert.True(ForeignText.IsName(name));
        Assert.Equal((uint)domain.DomId, DomainNames.Require(control, name!).DomId);
    }

    private static ControlRecord Decode(ControlRecord record)
    {
        byte[] encoded = RecordCodec.Encode(record);
        return RecordCodec.Decode((RecordType)BinaryPrimitives.ReadUInt16LittleEndian(encoded), encoded.AsSpan(Protocol.HeaderSize));
    }

    private static IEnumerable<(string File, string Name)> Sources() => Directory
        .EnumerateFiles(SourceFolder(), "*.cs", SearchOption.AllDirectories)
        .Select(file => (file, Path.GetRelativePath(SourceFolder(), file).Replace('\\', '/')))
        .Where(source => !source.Item2.Split('/').Any(part => part is "bin" or "obj"));

    private static string SourceFolder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "src"));

    [GeneratedRegex(@"ReadToEnd|DataReceived|ConvertToManaged|PtrToString|\bFile\.Read|Encoding\.\w+\.Get(String|Chars)|Utf8\.GetString")]
    private static partial Regex Reading();

    [GeneratedRegex(@"char\.IsControl|UnicodeCategory\.Control")]
    private static partial Regex Deciding();
}

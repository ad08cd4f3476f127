using System.Diagnostics;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>
/// Streams of this project before Xen's own <c>verify-stream-v2</c>, which Debian has in xen-utils-4.17. The environment
/// variable PRERECORD_XEN_LIBEXEC names another place than /usr/lib/xen-*.
/// </summary>
public class VerifyStreamTests
{
    [Fact]
    public void Xen_accepts_a_synthesised_domain()
    {
        (int code, string output) = Verify(SampleStreams.Pvh(), "xl");

        Assert.True(code == 0, output);
        Assert.Contains("Libxc Record: HVM context", output, StringComparison.Ordinal);
        Assert.Contains("Mode 2, 2400000 kHz, 77 ns, incarnation 1", output, StringComparison.Ordinal);
        Assert.Contains("x86 HVM from Xen 4.17", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StrippedSaveFile.OneVcpu)]
    [InlineData(StrippedSaveFile.TwoVcpus)]
    [InlineData(StrippedSaveFile.Hvm)]
    public void Xen_accepts_a_domain_synthesised_from_a_saved_one(string name)
    {
        List<XenStreamRecord> records = [.. new XenStreamReader(new MemoryStream(StrippedSaveFile.Load(name))).ReadAll()];
        MemoryStream stream = new();
        SynthesisedRestore restore = new(
            stream,
            new SynthesisedRestoreSettings(
                XlConfiguration.ForRestore(records.OfType<XlHeader>().Single().Configuration!, "guest--incoming"), 4, 17)
            {
                CpuidPolicy = records.OfType<X86CpuidPolicyRecord>().Single().Data,
                MsrPolicy = records.OfType<X86MsrPolicyRecord>().Single().Data,
                HasEmulator = name == StrippedSaveFile.Hvm,
            });
        restore.Prepare(SampleStreams.Pages(), records.OfType<HvmParamsRecord>().Single().Parameters);
        restore.Complete(
            records.OfType<X86TscInfoRecord>().Single(), records.OfType<HvmContextRecord>().Single().Data, null,
            records.OfType<EmulatorContextRecord>().SingleOrDefault());

        (int code, string output) = Verify(stream.ToArray(), "xl");
        Assert.True(code == 0, output);
        (code, output) = Verify(StrippedSaveFile.Load(name), "xl");
        Assert.True(code == 0, output);
    }

    [Fact]
    public void Xen_accepts_a_pv_image()
    {
        (int code, string output) = Verify(SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc), "libxc");

        Assert.True(code == 0, output);
        Assert.Contains("64bit guest, 4 levels of pagetables", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Xen_accepts_a_synthesised_pv_domain()
    {
        MemoryStream stream = new();
        Pv.PvCoreSectionsTests.Compose(stream);
        (int code, string output) = Verify(stream.ToArray(), "xl");

        Assert.True(code == 0, output);
        Assert.Contains("x86 PV from Xen 4.17", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Xen_accepts_an_emulator_state()
    {
        // Without EMULATOR_XENSTORE_DATA: the 4.17 script compares bytes with text there and refuses every such record.
        MemoryStream stream = new();
        SynthesisedRestore restore = new(
            stream, new SynthesisedRestoreSettings(SampleStreams.Configuration, 4, 17) { HasEmulator = true });
        restore.Prepare(SampleStreams.Pages(), SampleStreams.Parameters());
        restore.Complete(
            new X86TscInfoRecord(2, 1, 2, 3),
            SampleStreams.HvmContext(),
            null,
            new EmulatorContextRecord(EmulatorKind.QemuUpstream, 0, SampleStreams.Page(3).AsMemory(0, 77)));
        (int code, string output) = Verify(stream.ToArray(), "xl");

        Assert.True(code == 0, output);
    }

    [Theory]
    [InlineData("HVM_CONTEXT", 4)]
    [InlineData("PAGE_DATA", 8)]
    [InlineData("HVM_PARAMS", 4)]
    [InlineData("STATIC_DATA_END", 0)]
    public void Xen_and_the_reader_refuse_the_same_damage(string record, int offsetInRecord)
    {
        byte[] bytes = SampleStreams.Pvh();
        XenStreamReader reader = new(new MemoryStream(bytes));
        Assert.Contains(reader.ReadAll(), part => part.Name == record); // and stops there
        bytes[reader.RecordOffset + offsetInRecord] ^= 0x41;

        XenStreamReader damaged = new(new MemoryStream(bytes));
        Assert.Throws<XenStreamException>(() => damaged.ReadAll().Count());
        (int code, string output) = Verify(bytes, "xl");
        Assert.True(code != 0, output);
    }

    private static (int Code, string Output) Verify(byte[] stream, string format)
    {
        string? directory = Environment.GetEnvironmentVariable("PRERECORD_XEN_LIBEXEC");
        directory ??= Directory.Exists("/usr/lib")
            ? Directory.GetDirectories("/usr/lib", "xen-*").Order().LastOrDefault(IsToolDirectory)
            : null;
        Assert.SkipUnless(
            directory is not null && IsToolDirectory(directory) && File.Exists("/usr/bin/python3"),
            "Xen's verify-stream-v2 is not installed: apt-get install xen-utils-4.17 python3.");

        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, stream);
            ProcessStartInfo start = new("/usr/bin/python3")
            {
                ArgumentList = { Tool(directory!), "-v", "-f", format, "-i", file },
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            start.Environment["PYTHONPATH"] = Path.Combine(directory!, "lib", "python");
            start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + error.GetAwaiter().GetResult());
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Tool(string directory) => Path.Combine(directory, "bin", "verify-stream-v2");

    private static bool IsToolDirectory(string directory) => File.Exists(Tool(directory));
}

using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>
/// Files that a real <c>xl save</c> of Xen 4.17 wrote. Two are part of the tests, most pages' contents taken out
/// (<see cref="StrippedSaveFile"/>); whole ones are read where PRERECORD_XEN_SAVE_FILES names their folder.
/// </summary>
public class XenSaveFileTests
{
    [Theory]
    [InlineData(StrippedSaveFile.OneVcpu)]
    [InlineData(StrippedSaveFile.TwoVcpus)]
    [InlineData(StrippedSaveFile.Hvm)]
    public void A_file_of_xl_save_is_written_again_without_a_byte_of_difference(string name)
    {
        byte[] bytes = StrippedSaveFile.Load(name);
        Assert.Equal(bytes, SampleStreams.Rewrite(bytes, XenStreamFormat.Xl));
    }

    [Fact]
    public void The_records_of_xl_save_come_in_their_order()
    {
        List<string> names = [];
        foreach (XenStreamRecord record in Read(StrippedSaveFile.OneVcpu))
        {
            if (names.Count == 0 || names[^1] != record.Name)
            {
                names.Add(record.Name);
            }
        }

        Assert.Equal(
            [
                "xl header", "libxl header", "LIBXC_CONTEXT", "libxc image header", "libxc domain header",
                "X86_CPUID_POLICY", "X86_MSR_POLICY", "STATIC_DATA_END", "PAGE_DATA", "X86_TSC_INFO", "HVM_CONTEXT",
                "HVM_PARAMS", "END (libxc)", "END (libxl)",
            ],
            names);
    }

    [Fact]
    public void The_values_of_xl_save_are_read()
    {
        List<XenStreamRecord> records = [.. Read(StrippedSaveFile.OneVcpu)];

        Assert.Equal("i88", XlConfiguration.Name(records.OfType<XlHeader>().Single().Configuration!));
        Assert.Equal(new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17), records.OfType<LibxcDomainHeader>().Single());
        Assert.Equal(new X86TscInfoRecord(2, 0, 0, 1), records.OfType<X86TscInfoRecord>().Single());
        Assert.Equal(
            [
                new(1, 0xfeffc), new(5, 0xfeffd), new(6, 0xfeffb), new(27, 0xfeff8), new(28, 0xfeff9), new(29, 0xfeffa),
                new(17, 0xfefff), new(12, 0xfeffe000),
            ],
            records.OfType<HvmParamsRecord>().Single().Parameters);
        Assert.Equal(52 * X86CpuidPolicyRecord.LeafLength, records.OfType<X86CpuidPolicyRecord>().Single().Data.Length);
        Assert.Equal(2 * X86MsrPolicyRecord.EntryLength, records.OfType<X86MsrPolicyRecord>().Single().Data.Length);
    }

    [Fact]
    public void The_emulator_of_an_HVM_domain_is_saved_behind_the_libxc_image()
    {
        List<XenStreamRecord> records = [.. Read(StrippedSaveFile.Hvm)];
        EmulatorContextRecord emulator = Assert.IsType<EmulatorContextRecord>(records[^2]);

        Assert.IsType<LibxcEndRecord>(records[^3]);
        Assert.Equal((EmulatorKind.QemuUpstream, 0u), (emulator.Emulator, emulator.Index));
        Assert.True(EmulatorState.IsContext(emulator.Context.Span));
        Assert.InRange(emulator.Context.Length, 1_000, EmulatorState.LargestContext);
    }

    [Fact]
    public void The_page_tables_of_a_saved_guest_are_found_from_its_context()
    {
        Dictionary<long, byte[]> memory = [];
        HvmContext? context = null;
        foreach (XenStreamRecord record in Read(StrippedSaveFile.OneVcpu))
        {
            context = record is HvmContextRecord hvm ? HvmContext.Parse(hvm.Data) : context;
            if (record is PageDataRecord data)
            {
                foreach (XenStreamPage page in data.Pages().Where(page => page.Type.HasContent()))
                {
                    memory.Add(page.Pfn, page.Content.ToArray());
                }
            }
        }

        HvmVcpu vcpu = Assert.Single(context!.Vcpus);
        Assert.Equal(HvmPaging.FourLevels, vcpu.Paging);
        Assert.Equal(0x2a10, vcpu.PageTableFrame);
        Assert.Equal(0xffff_ffff_81a3_8a43, vcpu.Rip);
        Assert.Equal(0xd01UL, vcpu.Efer);
        Assert.Equal(0x2a10, GuestWalk.Tables(vcpu, vcpu.Rip, memory.GetValueOrDefault)[0]);
        Assert.InRange(GuestWalk.Tables(vcpu, vcpu.Rip, memory.GetValueOrDefault).Count, 3, 4);
    }

    [Fact]
    public void Every_vcpu_of_a_saved_guest_is_in_its_context()
    {
        HvmContext context = HvmContext.Parse(Read(StrippedSaveFile.TwoVcpus).OfType<HvmContextRecord>().Single().Data);

        Assert.Equal([0, 1], context.Vcpus.Select(vcpu => vcpu.Id));
        Assert.All(context.Vcpus, vcpu => Assert.Equal(HvmPaging.FourLevels, vcpu.Paging));
        Assert.All(context.Vcpus, vcpu => Assert.NotEqual(0, vcpu.PageTableFrame));
        Assert.All(context.Vcpus, vcpu => Assert.InRange(vcpu.Rip, 0xffff_8000_0000_0000, ulong.MaxValue));
    }

    [Fact]
    public void Whole_files_of_xl_save_are_written_again_without_a_byte_of_difference()
    {
        string? folder = Environment.GetEnvironmentVariable("PRERECORD_XEN_SAVE_FILES");
        Assert.SkipWhen(
            string.IsNullOrEmpty(folder), "PRERECORD_XEN_SAVE_FILES names no folder with files that xl save wrote (*.xlsave).");
        string[] files = Directory.GetFiles(folder!, "*.xlsave");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            using FileStream input = File.OpenRead(file);
            using FileStream compare = File.OpenRead(file);
            using ComparingStream output = new(compare);
            XenStreamReader reader = new(input);
            XenStreamWriter writer = new(output);
            foreach (XenStreamRecord record in reader.ReadAll())
            {
                writer.Write(record);
            }

            writer.Flush();
            Assert.Equal(input.Length, compare.Position);
        }
    }

    private static IEnumerable<XenStreamRecord> Read(string name) =>
        new XenStreamReader(new MemoryStream(StrippedSaveFile.Load(name))).ReadAll();

    /// <summary>Compares what is written with another stream.</summary>
    private sealed class ComparingStream(Stream expected) : MemoryStream
    {
        private readonly byte[] _buffer = new byte[1 << 20];

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            while (!buffer.IsEmpty)
            {
                Span<byte> part = _buffer.AsSpan(0, Math.Min(buffer.Length, _buffer.Length));
                expected.ReadExactly(part);
                Assert.True(part.SequenceEqual(buffer[..part.Length]), $"Other bytes before offset {expected.Position}.");
                buffer = buffer[part.Length..];
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }
}

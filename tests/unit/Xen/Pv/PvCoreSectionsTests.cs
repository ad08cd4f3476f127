using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Pv;

public sealed class PvCoreSectionsTests
{
    private static readonly PvVcpuState[] s_vcpus = [Vcpu(0, 700), Vcpu(2, 0)];

    [Fact]
    public void What_was_captured_is_read_back()
    {
        PvCoreSections read = PvCoreSections.Parse(Core());
        Assert.Equal([XenPageType.L4TablePinned, XenPageType.L1Table], read.TableTypes);
        Assert.Equal(new XenTsc(1, 2_400_000, 77, 3), read.Tsc);
        Assert.Equal(Page.Size, read.SharedInfo.Length);
        Assert.Equal([0, 2], read.Vcpus.Select(vcpu => vcpu.Id));
        Assert.Equal([700, 0], read.Vcpus.Select(vcpu => vcpu.Xsave.Length));
        Assert.True(read.Vcpus[1].Basic.Span.SequenceEqual(s_vcpus[1].Basic.Span));
    }

    [Fact]
    public void Every_truncation_of_every_section_is_refused()
    {
        CoreState core = Core();
        for (int section = 0; section < core.Sections.Count; section++)
        {
            int length = core.Sections[section].Content.Length;
            foreach (int cut in new[] { 0, 1, length / 2, length - 1 }.Where(cut => cut < length))
            {
                CoreStateSection[] sections = [.. core.Sections];
                sections[section] = sections[section] with { Content = sections[section].Content[..cut] };
                Refused(core with { Sections = sections });
            }
        }
    }

    [Fact]
    public void A_missing_repeated_or_unknown_section_is_refused()
    {
        CoreState core = Core();
        Refused(core with { Sections = [.. core.Sections.Skip(1)] });
        Refused(core with { Sections = [.. core.Sections, core.Sections[0]] });
        Refused(core with { Sections = [.. core.Sections, new CoreStateSection(CoreStateKind.Devices, new byte[1])] });
    }

    [Fact]
    public void A_page_table_of_a_type_that_is_none_is_refused()
    {
        foreach (XenPageType type in new[] { XenPageType.Normal, XenPageType.AllocateOnly, XenPageType.Invalid, (XenPageType)5 })
        {
            Refused(Core(type));
        }
    }

    [Fact]
    public void As_many_types_as_page_tables_must_be_there()
    {
        Refused(Core() with { PageTablePageCount = 1 });
        Refused(Core() with { PageTablePageCount = 3 });
    }

    [Fact]
    public void VCPUs_must_ascend()
    {
        PvCoreSections twice = new(
            [XenPageType.L4Table, XenPageType.L1Table], new XenTsc(0, 1, 1, 1), new byte[Page.Size], [Vcpu(1, 0), Vcpu(1, 0)]);
        Refused(Core() with { Sections = twice.ToSections() });
    }

    [Fact]
    public void A_restored_stream_has_the_order_that_the_toolstack_wants_and_is_read_back()
    {
        MemoryStream stream = new();
        Compose(stream);
        List<XenStreamRecord> records = [.. new XenStreamReader(new MemoryStream(stream.ToArray())).ReadAll()];
        Assert.Equal(
            [
                "xl header", "libxl header", "LIBXC_CONTEXT", "libxc image header", "libxc domain header", "X86_PV_INFO",
                "STATIC_DATA_END", "X86_PV_P2M_FRAMES", "PAGE_DATA", "PAGE_DATA", "X86_TSC_INFO", "SHARED_INFO",
                "X86_PV_VCPU_BASIC", "X86_PV_VCPU_EXTENDED", "X86_PV_VCPU_XSAVE", "X86_PV_VCPU_MSRS", "X86_PV_VCPU_BASIC",
                "X86_PV_VCPU_EXTENDED", "X86_PV_VCPU_MSRS", "END (libxc)", "END (libxl)",
            ],
            records.Select(record => record.Name));
        Assert.Equal([3UL], records.OfType<X86PvP2mFramesRecord>().Single().Frames);
    }

    /// <summary>A whole synthesised PV domain, also for Xen's own verifier.</summary>
    internal static void Compose(Stream stream)
    {
        SynthesisedPvRestore restore = new(stream, new SynthesisedRestoreSettings("{\"c_info\":{\"type\":\"pv\",\"name\":\"vm\"}}", 4, 17));
        restore.Prepare(300, [3], Enumerable.Range(0, 300));
        restore.WritePages(
        [
            new(5, XenPageType.L4TablePinned, new byte[Page.Size]),
            new(6, XenPageType.L1Table, new byte[Page.Size]),
            new(3, XenPageType.Normal, new byte[Page.Size]),
        ]);
        restore.Complete(
            new X86TscInfoRecord(1, 2_400_000, 77, 3),
            new byte[Page.Size],
            s_vcpus.Select(vcpu => new SynthesisedPvVcpu((uint)vcpu.Id, vcpu.Basic, vcpu.Extended, vcpu.Xsave, vcpu.Msrs)));
        Assert.Throws<InvalidOperationException>(() => restore.WritePages([]));
    }

    private static CoreState Core(XenPageType second = XenPageType.L1Table)
    {
        PvCoreSections sections = new(
            [XenPageType.L4TablePinned, second], new XenTsc(1, 2_400_000, 77, 3), new byte[Page.Size], s_vcpus);
        return new CoreState(
            [new VcpuState(0, 5 << 12, PagingMode.FourLevel)], sections.ToSections(),
            new PageSet([5, 6, 3], new byte[3 * Page.Size]), 2);
    }

    private static PvVcpuState Vcpu(int id, int xsave)
    {
        byte[] basic = new byte[PvVcpuContext.Length];
        new Random(id).NextBytes(basic);
        return new PvVcpuState(id, basic, new byte[128], new byte[xsave], new byte[32]);
    }

    private static void Refused(CoreState core) => Assert.Equal(
        MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => PvCoreSections.Parse(core)).ErrorId);
}

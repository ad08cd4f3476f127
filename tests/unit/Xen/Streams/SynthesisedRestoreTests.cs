using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

public class SynthesisedRestoreTests
{
    private static readonly X86TscInfoRecord s_tsc = new(2, 2_400_000, 5, 0);

    [Fact]
    public void The_first_stage_is_flushed_up_to_the_parameters()
    {
        MemoryStream stream = new();
        SynthesisedRestore restore = new(stream, Settings());
        restore.Prepare(SampleStreams.Pages(), SampleStreams.Parameters());

        Assert.Equal(stream.Length, restore.BytesWritten);
        List<string> names = [];
        XenStreamReader reader = new(new MemoryStream(stream.ToArray()));
        XenStreamException error = Assert.Throws<XenStreamException>(() =>
        {
            while (reader.Read() is { } record)
            {
                names.Add(record.Name);
            }
        });
        Assert.Equal(
            [
                "xl header", "libxl header", "LIBXC_CONTEXT", "libxc image header", "libxc domain header",
                "STATIC_DATA_END", "PAGE_DATA", "HVM_PARAMS",
            ],
            names);
        Assert.Equal(stream.Length, error.Offset);
    }

    [Fact]
    public void The_second_stage_is_small_and_ends_the_stream()
    {
        MemoryStream stream = new();
        SynthesisedRestore restore = new(stream, Settings());
        restore.Prepare(SampleStreams.Pages(), SampleStreams.Parameters());
        restore.WritePages([new(3, XenPageType.Normal, SampleStreams.Page(1))]);
        long before = restore.BytesWritten;
        restore.Complete(s_tsc, SampleStreams.HvmContext(1));

        Assert.Equal(32 + 8 + SampleStreams.HvmContext(1).Length + 16, restore.BytesWritten - before);
        Assert.IsType<LibxlEndRecord>(new XenStreamReader(new MemoryStream(stream.ToArray())).ReadAll().Last());
    }

    [Fact]
    public void Many_pages_go_in_the_batches_of_Xen()
    {
        MemoryStream stream = new();
        SynthesisedRestore restore = new(stream, Settings());
        byte[] page = SampleStreams.Page(1);
        restore.Prepare(Enumerable.Range(0, 2500).Select(i => new XenStreamPage(i, XenPageType.Normal, page)), []);
        restore.Complete(s_tsc, SampleStreams.HvmContext());

        Assert.Equal(
            [1024, 1024, 452],
            new XenStreamReader(new MemoryStream(stream.ToArray())).ReadAll().OfType<PageDataRecord>().Select(r => r.Count));
    }

    [Fact]
    public void An_emulator_is_sent_for_HVM_and_refused_for_PVH()
    {
        EmulatorContextRecord emulator = new(EmulatorKind.QemuUpstream, 0, new byte[5]);
        MemoryStream stream = new();
        SynthesisedRestore hvm = new(stream, Settings() with { HasEmulator = true });
        hvm.Prepare(SampleStreams.Pages(), []);
        Assert.Throws<ArgumentException>(() => hvm.Complete(s_tsc, SampleStreams.HvmContext()));
        hvm.Complete(s_tsc, SampleStreams.HvmContext(), null, emulator);
        Assert.Single(new XenStreamReader(new MemoryStream(stream.ToArray())).ReadAll().OfType<EmulatorContextRecord>());

        SynthesisedRestore pvh = new(new MemoryStream(), Settings());
        pvh.Prepare(SampleStreams.Pages(), []);
        Assert.Throws<ArgumentException>(() => pvh.Complete(s_tsc, SampleStreams.HvmContext(), null, emulator));
    }

    [Fact]
    public void A_malformed_context_is_refused_before_anything_is_written()
    {
        MemoryStream stream = new();
        SynthesisedRestore restore = new(stream, Settings());
        restore.Prepare(SampleStreams.Pages(), SampleStreams.Parameters());
        long before = stream.Length;
        Assert.Throws<XenStreamException>(() => restore.Complete(s_tsc, new byte[100]));
        Assert.Equal(before, stream.Length);
        restore.Complete(s_tsc, SampleStreams.HvmContext());
    }

    [Fact]
    public void Stages_out_of_order_are_refused()
    {
        SynthesisedRestore restore = new(new MemoryStream(), Settings());
        Assert.Throws<InvalidOperationException>(() => restore.WritePages([]));
        Assert.Throws<InvalidOperationException>(() => restore.Complete(s_tsc, SampleStreams.HvmContext()));
        restore.Prepare([], []);
        Assert.Throws<InvalidOperationException>(() => restore.Prepare([], []));
        restore.Complete(s_tsc, SampleStreams.HvmContext());
        Assert.Throws<InvalidOperationException>(() => restore.Complete(s_tsc, SampleStreams.HvmContext()));
    }

    [Fact]
    public void Policies_that_are_no_arrays_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new SynthesisedRestore(
            new MemoryStream(), Settings() with { CpuidPolicy = new byte[25] }));
        Assert.Throws<ArgumentException>(() => new SynthesisedRestore(
            new MemoryStream(), Settings() with { MsrPolicy = new byte[15] }));
    }

    private static SynthesisedRestoreSettings Settings() => new(SampleStreams.Configuration, 4, 17);
}

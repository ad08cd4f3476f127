using System.Buffers;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

public class XenStreamRoundTripTests
{
    [Fact]
    public void Every_record_of_an_hvm_domain_is_written_and_read_again()
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.HvmRecords(), XenStreamFormat.Xl);

        Assert.Equal(bytes, SampleStreams.Rewrite(bytes, XenStreamFormat.Xl));
        Assert.Equal(
            SampleStreams.HvmRecords().Select(record => record.Name),
            new XenStreamReader(new MemoryStream(bytes)).ReadAll().Select(record => record.Name));
    }

    [Fact]
    public void Every_record_of_a_pv_domain_is_written_and_read_again()
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc);

        Assert.Equal(bytes, SampleStreams.Rewrite(bytes, XenStreamFormat.Libxc));
        List<XenStreamRecord> records = [.. new XenStreamReader(new MemoryStream(bytes), XenStreamFormat.Libxc).ReadAll()];
        Assert.Equal(SampleStreams.PvRecords().Select(record => record.Name), records.Select(record => record.Name));
        Assert.Equal([7UL, 8UL], Assert.Single(records.OfType<X86PvP2mFramesRecord>()).Frames);
        Assert.Equal(new X86PvInfoRecord(8, 4), Assert.Single(records.OfType<X86PvInfoRecord>()));
        Assert.Equal(
            SampleStreams.Page(8)[..101],
            records.OfType<X86PvVcpuRecord>().First().Context.ToArray());
    }

    [Fact]
    public void Fields_come_back_as_they_were_written()
    {
        List<XenStreamRecord> records = [.. new XenStreamReader(new MemoryStream(SampleStreams.Pvh())).ReadAll()
            .Where(record => record is not PageDataRecord)];

        Assert.Equal(SampleStreams.Configuration, Assert.IsType<XlHeader>(records[0]).Configuration);
        Assert.Contains(new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17), records);
        Assert.Contains(new X86TscInfoRecord(2, 2_400_000, 77, 1), records);
        Assert.Equal(SampleStreams.Parameters(), Assert.Single(records.OfType<HvmParamsRecord>()).Parameters);
        Assert.Equal(SampleStreams.HvmContext(), Assert.Single(records.OfType<HvmContextRecord>()).Data.ToArray());
    }

    [Fact]
    public void Pages_come_back_with_their_types_and_contents()
    {
        XenStreamReader reader = new(new MemoryStream(SampleStreams.Pvh()));
        PageDataRecord? data = null;
        while (reader.Read() is { } record && data is null)
        {
            data = record as PageDataRecord;
            if (data is not null)
            {
                Assert.Equal(6, data.Count);
                Assert.Equal(3, data.ContentCount);
                foreach ((XenStreamPage expected, XenStreamPage actual) in SampleStreams.Pages().Zip(data.Pages()))
                {
                    Assert.Equal((expected.Pfn, expected.Type), (actual.Pfn, actual.Type));
                    Assert.Equal(expected.Content.ToArray(), actual.Content.ToArray());
                }
            }
        }

        Assert.NotNull(data);
    }

    [Fact]
    public void The_reader_takes_not_one_byte_beyond_the_stream()
    {
        byte[] bytes = SampleStreams.Pvh();
        MemoryStream stream = new([.. bytes, 1, 2, 3]);
        XenStreamReader reader = new(stream);

        Assert.IsType<LibxlEndRecord>(reader.ReadAll().Last());

        Assert.Equal(bytes.Length, stream.Position);
        Assert.Equal(bytes.Length, reader.Position);
        Assert.Null(reader.Read());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public void A_stream_that_arrives_in_small_pieces_is_the_same(int piece)
    {
        byte[] bytes = SampleStreams.Pvh();
        XenStreamReader reader = new(new PieceStream(bytes, piece));
        MemoryStream written = new();
        XenStreamWriter writer = new(written);
        foreach (XenStreamRecord record in reader.ReadAll())
        {
            writer.Write(record);
        }

        writer.Flush();
        Assert.Equal(bytes, written.ToArray());
    }

    [Fact]
    public void A_long_stream_of_pages_is_read_in_constant_memory()
    {
        // 64 MiB of pages as a stream that is never in memory: what the reader allocates must not grow with it.
        const int records = 64;
        XenStreamPage[] batch = [.. Enumerable.Range(0, 256).Select(i => new XenStreamPage(i, XenPageType.Normal, SampleStreams.Page(i)))];
        byte[] head = SampleStreams.Write(
            [new LibxcImageHeader(), new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17), new StaticDataEndRecord()],
            XenStreamFormat.Libxc);
        byte[] withPages = SampleStreams.Write(
            [new LibxcImageHeader(), new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17), new StaticDataEndRecord(), new PageDataRecord(batch)],
            XenStreamFormat.Libxc);
        byte[] pages = withPages[head.Length..];
        ReadOnlySequence<byte> whole = Sequence([head, .. Enumerable.Repeat(pages, records), new byte[8]]);
        XenStreamReader reader = new(whole, XenStreamFormat.Libxc);
        _ = reader.Read();
        long before = GC.GetAllocatedBytesForCurrentThread();

        int seen = reader.ReadAll().OfType<PageDataRecord>().Sum(record => record.ContentCount);

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(records * 256, seen);
        Assert.InRange(allocated, 0, 8L << 20);
    }

    [Fact]
    public void Unknown_optional_records_are_skipped_and_counted()
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc);
        byte[] optional = [0x77, 0, 0, 0x80, 5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0];
        byte[] mixed = [.. bytes[..40], .. optional, .. bytes[40..]];
        XenStreamReader reader = new(new MemoryStream(mixed), XenStreamFormat.Libxc);

        Assert.Equal(SampleStreams.PvRecords().Count, reader.ReadAll().Count());
        Assert.Equal(1, reader.SkippedRecords);
    }

    [Fact]
    public void An_image_of_version_2_needs_no_static_data_end()
    {
        byte[] bytes = SampleStreams.Write(
            [
                new LibxcImageHeader(2),
                new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 11),
                new PageDataRecord(SampleStreams.Pages()),
                new LibxcEndRecord(),
            ],
            XenStreamFormat.Libxc);

        Assert.Equal(bytes, SampleStreams.Rewrite(bytes, XenStreamFormat.Libxc));
    }

    [Fact]
    public void Emulator_pairs_are_taken_apart()
    {
        EmulatorXenstoreDataRecord record = Assert.Single(
            SampleStreams.HvmRecords().OfType<EmulatorXenstoreDataRecord>());

        Assert.Equal([new("physmap/0", "value"), new("k", "v")], record.Pairs());
    }

    private static ReadOnlySequence<byte> Sequence(IEnumerable<byte[]> parts)
    {
        Segment? first = null;
        Segment? last = null;
        foreach (byte[] part in parts)
        {
            last = new Segment(part, last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }

    private sealed class PieceStream(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(piece, count));
    }
}

using System.Buffers.Binary;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

public class XenStreamRefusalTests
{
    [Fact]
    public void A_stream_cut_anywhere_is_refused()
    {
        byte[] bytes = SampleStreams.Pvh();
        for (int length = 0; length < bytes.Length; length += 1 + (length / 64))
        {
            XenStreamException error = ReadAll(bytes[..length], XenStreamFormat.Xl);
            Assert.Contains("ends after", error.Message, StringComparison.Ordinal);
            Assert.InRange(error.Offset, 0, length);
        }
    }

    [Fact]
    public void A_false_length_does_not_cost_memory()
    {
        // The largest body that the limits allow is announced and does not come.
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords().Take(5), XenStreamFormat.Libxc);
        byte[] claim = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(claim, (uint)LibxcRecordType.X86PvP2mFrames);
        BinaryPrimitives.WriteInt32LittleEndian(claim.AsSpan(4), XenStreamLimits.Default.FrameList);
        long before = GC.GetAllocatedBytesForCurrentThread();

        XenStreamException error = ReadAll([.. bytes, .. claim, .. new byte[1000]], XenStreamFormat.Libxc);

        Assert.Equal("X86_PV_P2M_FRAMES", error.Record);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void The_error_names_the_record_its_offset_and_a_remedy()
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc);
        bytes[44] = 0xff; // the length of X86_PV_INFO, whose header is at 40
        XenStreamException error = ReadAll(bytes, XenStreamFormat.Libxc);

        Assert.Equal("X86_PV_INFO", error.Record);
        Assert.Equal(40, error.Offset);
        Assert.Contains("X86_PV_INFO at offset 40 (0x28)", error.Message, StringComparison.Ordinal);
        Assert.Contains("save the domain again", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(0, "magic")]
    [InlineData(32, "byte order")]
    [InlineData(39, "mandatory flags")]
    public void A_wrong_xl_header_is_refused(int offset, string problem)
    {
        byte[] bytes = SampleStreams.Pvh();
        bytes[offset] ^= 0x40;
        Assert.Contains(problem, ReadAll(bytes, XenStreamFormat.Xl).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_legacy_stream_is_refused_with_its_remedy()
    {
        byte[] bytes = SampleStreams.Pvh();
        bytes[36] = 1;
        Assert.Contains("convert-legacy-stream", ReadAll(bytes, XenStreamFormat.Xl).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_big_endian_image_is_refused()
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc);
        bytes[17] = 1;
        Assert.Contains("big-endian", ReadAll(bytes, XenStreamFormat.Libxc).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x13u, "mandatory record type 0x00000013")]
    [InlineData(0x0bu, "mandatory record type 0x0000000b")]
    [InlineData(0x7fffffffu, "mandatory record type 0x7fffffff")]
    public void Unknown_mandatory_records_are_refused(uint type, string problem)
    {
        byte[] bytes = SampleStreams.Write(SampleStreams.PvRecords(), XenStreamFormat.Libxc);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(40), type);
        Assert.Contains(problem, ReadAll(bytes, XenStreamFormat.Libxc).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Records_over_a_limit_are_refused_before_they_are_read()
    {
        byte[] bytes = SampleStreams.Pvh();
        XenStreamLimits limits = new() { PageData = 4096 };
        XenStreamReader reader = new(new MemoryStream(bytes), XenStreamFormat.Xl, limits);

        XenStreamException error = Assert.Throws<XenStreamException>(() => reader.ReadAll().Count());

        Assert.Equal("PAGE_DATA", error.Record);
        Assert.Equal(error.Offset + 8, reader.Position);
        Assert.Contains("limit of 4096", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_failure_nothing_more_is_read()
    {
        XenStreamReader reader = new(new MemoryStream(new byte[100]));
        Assert.Throws<XenStreamException>(() => reader.Read());
        Assert.Throws<InvalidOperationException>(() => reader.Read());
    }

    [Fact]
    public void Records_out_of_order_are_refused_by_the_writer_and_leave_nothing_behind()
    {
        MemoryStream stream = new();
        XenStreamWriter writer = new(stream, XenStreamFormat.Libxc);
        writer.Write(new LibxcImageHeader());
        writer.Write(new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17));
        long before = writer.Position;

        Assert.Contains("STATIC_DATA_END", Refuse(new PageDataRecord(SampleStreams.Pages())), StringComparison.Ordinal);
        Assert.Contains("does not belong", Refuse(new X86PvInfoRecord(8, 4)), StringComparison.Ordinal);
        Assert.Contains("cannot come here", Refuse(new LibxlEndRecord()), StringComparison.Ordinal);
        Assert.Contains("cannot come here", Refuse(new LibxcImageHeader()), StringComparison.Ordinal);
        writer.Write(new StaticDataEndRecord());
        Assert.Contains("already", Refuse(new StaticDataEndRecord()), StringComparison.Ordinal);
        Assert.Equal(before + 8, writer.Position);

        string Refuse(XenStreamRecord record) => Assert.Throws<XenStreamException>(() => writer.Write(record)).Message;
    }

    [Fact]
    public void A_pv_domain_needs_its_info_first()
    {
        XenStreamWriter writer = new(new MemoryStream(), XenStreamFormat.Libxc);
        writer.Write(new LibxcImageHeader());
        writer.Write(new LibxcDomainHeader(XenGuestKind.X86Pv, 4, 17));
        Assert.Contains(
            "X86_PV_INFO",
            Assert.Throws<XenStreamException>(() => writer.Write(new StaticDataEndRecord())).Message,
            StringComparison.Ordinal);
        Assert.Throws<XenStreamException>(() => writer.Write(new HvmParamsRecord([])));
    }

    [Fact]
    public void Records_longer_than_Xen_reads_are_refused_by_the_writer()
    {
        XenStreamWriter writer = new(new MemoryStream(), XenStreamFormat.Libxc);
        writer.Write(new LibxcImageHeader());
        writer.Write(new LibxcDomainHeader(XenGuestKind.X86Hvm, 4, 17));
        writer.Write(new StaticDataEndRecord());
        Assert.Throws<XenStreamException>(() => writer.Write(new HvmContextRecord(new byte[(128 << 20) + 1])));
    }

    [Fact]
    public void Pages_that_the_format_cannot_hold_are_refused()
    {
        byte[] page = new byte[4096];
        Assert.Throws<ArgumentException>(() => new PageDataRecord([]));
        Assert.Throws<ArgumentException>(() => new PageDataRecord([new(1, (XenPageType)5, page)]));
        Assert.Throws<ArgumentException>(() => new PageDataRecord([new(1L << 52, XenPageType.Normal, page)]));
        Assert.Throws<ArgumentException>(() => new PageDataRecord([new(-1, XenPageType.Normal, page)]));
        Assert.Throws<ArgumentException>(() => new PageDataRecord([new(1, XenPageType.Normal, page.AsMemory(1))]));
        Assert.Throws<ArgumentException>(() => new PageDataRecord([new(1, XenPageType.Invalid, page)]));
    }

    /// <summary>
    /// Damaged streams: the reader refuses them with its own exception, or accepts them and then the writer gives the very
    /// same bytes. Nothing else may come out, whatever the damage.
    /// </summary>
    [Theory]
    [InlineData(XenStreamFormat.Xl, 1)]
    [InlineData(XenStreamFormat.Xl, 2)]
    [InlineData(XenStreamFormat.Xl, 3)]
    [InlineData(XenStreamFormat.Libxc, 4)]
    [InlineData(XenStreamFormat.Libxc, 5)]
    [InlineData(XenStreamFormat.Libxc, 6)]
    public void A_damaged_stream_is_refused_or_read_exactly(XenStreamFormat format, int seed)
    {
        Damage(
            SampleStreams.Write(
                format == XenStreamFormat.Xl ? SampleStreams.HvmRecords() : SampleStreams.PvRecords(), format),
            format,
            seed,
            rounds: 3000);
    }

    [Fact]
    public void A_damaged_file_of_xl_save_is_refused_or_read_exactly() =>
        Damage(StrippedSaveFile.Load(StrippedSaveFile.TwoVcpus), XenStreamFormat.Xl, seed: 7, rounds: 3000);

    private static void Damage(byte[] valid, XenStreamFormat format, int seed, int rounds)
    {
        List<int> fields = FieldOffsets(valid, format);
        Random random = new(seed);
        int refused = 0;
        int accepted = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] damaged = Damage(valid, fields, random);
            try
            {
                MemoryStream stream = new();
                XenStreamReader reader = new(new MemoryStream(damaged), format);
                XenStreamWriter writer = new(stream, format);
                foreach (XenStreamRecord record in reader.ReadAll())
                {
                    if (record is PageDataRecord data)
                    {
                        Assert.Equal(data.Count, data.Pages().Count());
                    }

                    writer.Write(record);
                }

                writer.Flush();
                accepted++;
                if (reader.SkippedRecords == 0)
                {
                    Assert.Equal(damaged[..(int)reader.Position], stream.ToArray());
                }
            }
            catch (XenStreamException error)
            {
                refused++;
                Assert.InRange(error.Offset, 0, damaged.Length);
                Assert.NotEmpty(error.Record);
            }
        }

        Assert.InRange(refused, rounds / 6, rounds);
        Assert.InRange(accepted, rounds / 60, rounds);
    }

    /// <summary>Offsets of record headers and of the first fields behind them, where damage matters most.</summary>
    private static List<int> FieldOffsets(byte[] valid, XenStreamFormat format)
    {
        List<int> offsets = [];
        XenStreamReader reader = new(new MemoryStream(valid), format);
        while (reader.Read() is not null)
        {
            offsets.AddRange(Enumerable.Range((int)reader.RecordOffset, 24));
        }

        offsets.RemoveAll(offset => offset >= valid.Length);
        return offsets;
    }

    private static byte[] Damage(byte[] valid, List<int> fields, Random random)
    {
        byte[] bytes = [.. valid];
        int count = 1 + random.Next(3);
        for (int i = 0; i < count; i++)
        {
            int offset = random.Next(2) == 0 ? fields[random.Next(fields.Count)] : random.Next(bytes.Length);
            bytes[offset] = random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)(bytes[offset] ^ (1 << random.Next(8))),
                _ => random.Next(2) == 0 ? (byte)0xff : (byte)0,
            };
        }

        if (random.Next(8) == 0)
        {
            int from = random.Next(bytes.Length);
            int length = Math.Min(random.Next(64), bytes.Length - from);
            return [.. bytes[..from], .. bytes[(from + length)..]];
        }

        return bytes;
    }

    private static XenStreamException ReadAll(byte[] bytes, XenStreamFormat format)
    {
        XenStreamReader reader = new(new MemoryStream(bytes), format);
        return Assert.Throws<XenStreamException>(() => reader.ReadAll().Count());
    }
}

using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>What does not fit into one record comes in parts: whole, in order, once, and of the domain that is meant.</summary>
public sealed class ControlReaderTests
{
    private const int PagesOf64GiB = 16 << 20;

    [Theory]
    [InlineData(Protocol.PagesInPart - 1, 0)]
    [InlineData(Protocol.PagesInPart, 0)]
    [InlineData(Protocol.PagesInPart + 1, 1)]
    [InlineData(PagesOf64GiB, 1)]
    [InlineData(16 * PagesOf64GiB, 31)] // 1 TiB
    public void What_is_missing_of_a_domain_of_any_size_survives_the_wire(int pageCount, int parts)
    {
        PageBitmap missing = new(pageCount);
        missing.TrySet(0);
        missing.TrySet(pageCount / 2);
        missing.SetRange(pageCount - 3, 3);
        byte[][] records = Encode(new ResumeRecord(ResumePosition.Paused, missing));
        Assert.Equal(parts + 1, records.Length);
        Assert.All(records, record => Assert.InRange(record.Length, 1, Protocol.HeaderSize + Protocol.MaximumLength));
        ResumeRecord read = Assert.IsType<ResumeRecord>(ReadAll(ControlReader.AtSource(pageCount), records));
        Assert.Equal(pageCount, read.Missing.PageCount);
        Assert.Equal(missing.Ranges(), read.Missing.Ranges());
    }

    [Theory]
    [InlineData(Protocol.RangesInPart, 0)]
    [InlineData(Protocol.RangesInPart + 1, 1)]
    [InlineData((3 * Protocol.RangesInPart) + 7, 3)]
    public void A_domain_in_many_pieces_is_prepared_for(int pieces, int parts)
    {
        byte[][] records = Encode(Fragmented(pieces));
        Assert.Equal(parts + 1, records.Length);
        Assert.All(records, record => Assert.InRange(record.Length, 1, Protocol.HeaderSize + Protocol.MaximumLength));
        PrepareRecord read = Assert.IsType<PrepareRecord>(ReadAll(ControlReader.AtDestination(), records));
        Assert.Equal(Fragmented(pieces).Description.Populated, read.Description.Populated);
    }

    [Fact]
    public void More_pieces_than_the_protocol_has_room_for_are_refused_before_anything_is_sent() => Assert.Equal(
        MigrationErrorId.NotSupported,
        Assert.Throws<MigrationException>(() => Encode(Fragmented(Protocol.MaximumRanges + 1))).ErrorId);

    [Fact]
    public void Pieces_of_a_domain_that_was_prepared_before_are_refused_and_take_nothing()
    {
        MemoryBudget budget = new(1L << 30);
        ControlReader reader = ControlReader.AtDestination(budget.Share(null), isPrepared: true);
        Refuses(reader, [Encode(Fragmented(Protocol.RangesInPart + 1))[0]]);
        Assert.Equal(0, budget.Taken);
    }

    [Fact]
    public void Parts_that_are_doubled_dropped_or_out_of_order_are_refused()
    {
        byte[][] whole = Encode(new ResumeRecord(ResumePosition.Paused, new PageBitmap(2 * PagesOf64GiB)));
        Assert.Equal(4, whole.Length);
        foreach (int[] order in (int[][])[[0, 0], [1], [0, 2], [0, 1, 3], [3], [0, 1, 2, 2], [0, 1, 2, 3, 3], [0, 1, 2, 3, 1]])
        {
            Refuses(ControlReader.AtSource(2 * PagesOf64GiB), [.. order.Select(i => whole[i])]);
        }

        byte[][] ranges = Encode(Fragmented((2 * Protocol.RangesInPart) + 1));
        foreach (int[] order in (int[][])[[0, 0], [1, 0], [1, 2, 0], [0, 1, 2, 0]])
        {
            Refuses(ControlReader.AtDestination(), [.. order.Select(i => ranges[i])]);
        }
    }

    [Theory]
    [InlineData(PagesOf64GiB, PagesOf64GiB - 1)]
    [InlineData(PagesOf64GiB, PagesOf64GiB + 1)]
    [InlineData(PagesOf64GiB, 2 * PagesOf64GiB)]
    [InlineData(PagesOf64GiB, 100)]
    [InlineData(100, 99)]
    [InlineData(100, 0)]
    public void What_is_missing_of_another_domain_is_refused(int told, int real) => Refuses(
        ControlReader.AtSource(real), Encode(new ResumeRecord(ResumePosition.Paused, new PageBitmap(told))));

    [Theory]
    [InlineData(ResumePosition.NeverRan)]
    [InlineData(ResumePosition.Complete)]
    public void Who_misses_nothing_has_no_pages_to_tell(ResumePosition position)
    {
        Assert.IsType<ResumeRecord>(ReadAll(ControlReader.AtSource(100), Encode(new ResumeRecord(position, new PageBitmap(0)))));
        Refuses(ControlReader.AtSource(100), Encode(new ResumeRecord(position, new PageBitmap(100))));
    }

    [Fact]
    public void Parts_come_to_the_side_that_they_are_for_and_at_their_full_length()
    {
        byte[] missing = Encode(new ResumeRecord(ResumePosition.Paused, new PageBitmap(PagesOf64GiB)))[0];
        byte[] ranges = Encode(Fragmented(Protocol.RangesInPart + 1))[0];
        Refuses(ControlReader.AtDestination(), [missing]);
        Refuses(ControlReader.AtSource(PagesOf64GiB), [ranges]);
        Refuses(ControlReader.AtSource(PagesOf64GiB), [missing[..^1]]);
        Refuses(ControlReader.AtSource(PagesOf64GiB), [[.. missing, 0]]);
        Refuses(ControlReader.AtDestination(), [ranges[..^1]]);
        Refuses(ControlReader.AtDestination(), [[.. ranges, 0]]);

        // A source that never comes to Prepare is not listened to for ever.
        byte[][] endless = [.. Enumerable.Range(0, (Protocol.MaximumRanges / Protocol.RangesInPart) + 1).Select(Ranges)];
        Refuses(ControlReader.AtDestination(), endless);
    }

    /// <summary>The nth part of a domain that never ends.</summary>
    private static byte[] Ranges(int n)
    {
        byte[] part = Encode(Fragmented(Protocol.RangesInPart + 1))[0];
        for (int i = 0; i < Protocol.RangesInPart; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(
                part.AsSpan(Protocol.HeaderSize + (8 * i)), 2 * ((n * Protocol.RangesInPart) + i));
        }

        return part;
    }

    private static PrepareRecord Fragmented(int pieces) => new(
        new DomainDescription(
            "web01", DomainKind.Pvh, 2 * pieces, [.. Enumerable.Range(0, pieces).Select(i => new PageRange(2 * i, 1))], 1, ReadOnlyMemory<byte>.Empty),
        PageArrival.AfterRun);

    private static byte[][] Encode(ControlRecord record) => [.. RecordCodec.EncodeAhead(record), RecordCodec.Encode(record)];

    private static ControlRecord? ReadAll(ControlReader reader, byte[][] records)
    {
        ControlRecord? read = null;
        foreach (byte[] record in records)
        {
            Assert.Null(read);
            read = reader.Read((RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record), record.AsSpan(Protocol.HeaderSize));
        }

        return read;
    }

    private static void Refuses(ControlReader reader, byte[][] records)
    {
        MigrationException error = Assert.Throws<MigrationException>(() =>
        {
            foreach (byte[] record in records)
            {
                reader.Read((RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record), record.AsSpan(Protocol.HeaderSize));
            }
        });
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
    }
}

using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>Page batches whose contents are a block of LZ4, from this module's own and from hostile sources.</summary>
public sealed class CompressedBatchTests
{
    private const int Batch = 64;
    private static readonly int[] s_pfns = [.. Enumerable.Range(0, Batch)];
    private static readonly PageBitmap s_allowed = Allowed();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Compressed_pages_arrive_as_they_were_wherever_zeros_lie_between_them(int kind)
    {
        byte[] contents = Text();
        for (int i = 0; i < Batch; i++)
        {
            bool isZero = kind switch { 0 => false, 1 => i % 3 != 1, 2 => i < Batch / 2, _ => i >= Batch / 2 };
            if (isZero)
            {
                Page.At(contents.AsSpan(), i).Clear();
            }
        }

        PageBatch batch = new(Batch);
        int plain = batch.Copy(RecordType.Pages, s_pfns, contents).Length;
        Assert.True(batch.TryShrink(out ReadOnlyMemory<byte> record));
        Assert.InRange(record.Length, 1, plain / 2);
        Assert.Equal((ushort)RecordType.CompressedPages, BinaryPrimitives.ReadUInt16LittleEndian(record.Span));
        Assert.Equal(record.Length - Protocol.HeaderSize, BinaryPrimitives.ReadInt32LittleEndian(record.Span[4..]));
        new PageBatch().Decode(
            RecordType.CompressedPages, record.Span[Protocol.HeaderSize..], s_allowed, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages);
        Assert.Equal(s_pfns, pfns.ToArray());
        Assert.Equal(contents, pages.ToArray());
    }

    [Fact]
    public void What_does_not_shrink_enough_stays_as_it_is()
    {
        byte[] contents = new byte[Batch * Page.Size];
        new Random(1).NextBytes(contents);
        PageBatch batch = new(Batch);
        batch.Copy(RecordType.Pages, s_pfns, contents);
        Assert.False(batch.TryShrink(out ReadOnlyMemory<byte> record));
        Assert.True(record.IsEmpty);

        // A sixteenth of it would be saved, which is less than an eighth.
        contents.AsSpan(0, Batch * Page.Size / 16).Fill(1);
        batch.Copy(RecordType.Pages, s_pfns, contents);
        Assert.False(batch.TryShrink(out _));
        contents.AsSpan(0, Batch * Page.Size / 4).Fill(1);
        batch.Copy(RecordType.Pages, s_pfns, contents);
        Assert.True(batch.TryShrink(out _));
    }

    [Fact]
    public void Pages_of_zeros_alone_are_not_compressed()
    {
        PageBatch batch = new(Batch);
        batch.Copy(RecordType.Pages, s_pfns, new byte[Batch * Page.Size]);
        Assert.False(batch.TryShrink(out _));
        Assert.False(new PageBatch(1).TryShrink(out _));
    }

    [Fact]
    public void A_block_that_is_not_wholly_the_pages_that_were_named_is_refused()
    {
        byte[] body = Compressed();
        byte[][] hostile =
        [
            body[..^1],
            body[..(4 + (Batch * 8))],
            [.. body, 0],
            [.. body[..^1], (byte)(body[^1] ^ 0xFF), 0],

            // One page fewer is named than the block has, and one more.
            [.. Named(Batch - 1), .. body[(4 + (Batch * 8))..]],
            [.. Named(Batch + 1), .. body[(4 + (Batch * 8))..]],

            // Nothing but zeros are named, and nothing at all.
            [.. Named(2, isZero: true), .. body[(4 + (Batch * 8))..]],
            [.. Named(2, isZero: true)],
            [.. Named(0), .. body[(4 + (Batch * 8))..]],
            [.. Named(0)],
        ];
        foreach (byte[] one in hostile)
        {
            AssertRefused(one);
        }
    }

    [Fact]
    public void A_block_that_is_no_shorter_than_its_pages_is_refused()
    {
        byte[] contents = new byte[Page.Size];
        new Random(2).NextBytes(contents);
        byte[] block = new byte[2 * Page.Size];
        int length = Lz4.Compress(contents, block);
        Assert.True(length > Page.Size && Lz4.TryDecompress(block.AsSpan(0, length), new byte[Page.Size]));
        AssertRefused([.. Named(1), .. block.AsSpan(0, length)]);
    }

    [Fact]
    public void Whatever_a_block_holds_it_is_refused_or_makes_the_pages_that_were_named()
    {
        byte[] body = Compressed();
        Random random = new(3);
        PageBatch batch = new();
        int refused = 0;
        for (int i = 0; i < 2_000; i++)
        {
            byte[] changed = [.. body];
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                changed[random.Next(4 + (Batch * 8), changed.Length)] = (byte)random.Next(256);
            }

            try
            {
                batch.Decode(RecordType.CompressedPages, changed, s_allowed, out _, out ReadOnlySpan<byte> pages);
                Assert.Equal(Batch * Page.Size, pages.Length);
            }
            catch (MigrationException error)
            {
                Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
                refused++;
            }
        }

        Assert.InRange(refused, 1, 2_000);
    }

    [Fact]
    public void Nothing_is_allocated_for_a_batch()
    {
        byte[] contents = Text();
        PageBatch source = new(Batch);
        PageBatch destination = new();
        Move();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Move();
        }

        // The compressor's tables come from a pool, which gives them up when the collector runs.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 * Page.Size);

        void Move()
        {
            source.Copy(RecordType.Pages, s_pfns, contents);
            source.TryShrink(out ReadOnlyMemory<byte> record);
            destination.Decode(RecordType.CompressedPages, record.Span[Protocol.HeaderSize..], s_allowed, out _, out _);
        }
    }

    private static byte[] Compressed()
    {
        PageBatch batch = new(Batch);
        batch.Copy(RecordType.Pages, s_pfns, Text());
        Assert.True(batch.TryShrink(out ReadOnlyMemory<byte> record));
        return record[Protocol.HeaderSize..].ToArray();
    }

    private static byte[] Named(int count, bool isZero = false)
    {
        byte[] named = new byte[4 + (count * 8)];
        BinaryPrimitives.WriteInt32LittleEndian(named, count);
        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(named.AsSpan(4 + (i * 8)), (uint)i | (isZero ? 1UL << 63 : 0));
        }

        return named;
    }

    private static void AssertRefused(byte[] body)
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => new PageBatch().Decode(RecordType.CompressedPages, body, s_allowed, out _, out _));
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
    }

    /// <summary>Pages that differ, and shrink to less than a half.</summary>
    private static byte[] Text()
    {
        byte[] contents = new byte[Batch * Page.Size];
        Random random = new(4);
        for (int i = 0; i < contents.Length; i++)
        {
            contents[i] = i % 64 < 16 ? (byte)random.Next(256) : (byte)(i % 64);
        }

        return contents;
    }

    private static PageBitmap Allowed()
    {
        PageBitmap allowed = new(Batch + 1);
        allowed.SetAll();
        return allowed;
    }
}

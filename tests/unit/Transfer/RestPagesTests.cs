using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class RestPagesTests
{
    [Fact]
    public void What_is_named_is_read_whatever_it_is() => Prop.ForAll<int[]>(pfns =>
    {
        PageBitmap rest = new(5000);
        foreach (int pfn in pfns)
        {
            rest.TrySet((int)((uint)pfn % 5000));
        }

        PageBitmap read = ReadAll(rest);
        return read.Pfns().SequenceEqual(rest.Pfns());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void They_take_what_is_named_and_not_what_the_domain_has()
    {
        PageBitmap few = new(64 << 20);
        few.TrySet(5);
        few.TrySet((64 << 20) - 1);
        Assert.Equal(Protocol.HeaderSize + 4 + (2 * 12), Assert.Single(RestPages.Encode(few)).Length);
        Assert.Empty(RestPages.Encode(new PageBitmap(64 << 20)));

        PageBitmap all = new(64 * (Protocol.MaximumRestWords + 3));
        all.SetAll();
        byte[][] records = [.. RestPages.Encode(all)];
        Assert.Equal(2, records.Length);
        Assert.All(records, record => Assert.InRange(record.Length, 0, Protocol.MaximumLength));
        Assert.Equal(all.Count, ReadAll(all).Count);
    }

    [Theory]
    [InlineData(0u, 0x1_00UL)] // not populated
    [InlineData(1u, 1UL << 20)] // beyond the domain
    [InlineData(2u, 1UL)]
    [InlineData(uint.MaxValue, 1UL)]
    public void Pages_that_the_domain_does_not_have_are_refused(uint word, ulong bits)
    {
        PageBitmap allowed = new(80);
        allowed.SetRange(0, 8);
        allowed.SetRange(64, 16);
        PageBitmap rest = new(80);
        Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => RestPages.Decode(Body(1, (word, bits)), allowed, rest)).ErrorId);
        Assert.Equal(0, rest.Count);
    }

    [Fact]
    public void Words_out_of_order_and_counts_that_are_not_true_are_refused()
    {
        PageBitmap allowed = new(128);
        allowed.SetAll();
        foreach (byte[] body in (byte[][])
            [Body(2, (1, 1), (0, 1)), Body(2, (1, 1), (1, 2)), Body(2, (0, 1)), Body(1, (0, 1), (1, 1)), Body(Protocol.MaximumRestWords + 1, (0, 1)), [1, 0]])
        {
            Assert.Equal(
                MigrationErrorId.ProtocolViolation,
                Assert.Throws<MigrationException>(() => RestPages.Decode(body, allowed, new PageBitmap(128))).ErrorId);
        }
    }

    private static PageBitmap ReadAll(PageBitmap rest)
    {
        PageBitmap allowed = new(rest.PageCount);
        allowed.SetAll();
        PageBitmap read = new(rest.PageCount);
        foreach (byte[] record in RestPages.Encode(rest))
        {
            Assert.Equal((ushort)RecordType.Rest, BinaryPrimitives.ReadUInt16LittleEndian(record));
            RestPages.Decode(record.AsSpan(Protocol.HeaderSize), allowed, read);
        }

        return read;
    }

    private static byte[] Body(int count, params (uint Word, ulong Bits)[] words)
    {
        byte[] body = new byte[4 + (12 * words.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(body, count);
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(4 + (12 * i)), words[i].Word);
            BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(8 + (12 * i)), words[i].Bits);
        }

        return body;
    }
}

using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class PageBatchTests
{
    [Fact]
    public void Zero_pages_travel_without_content_and_arrive_as_zeros()
    {
        int[] pfns = [7, 0, 3, 9];
        byte[] contents = new byte[pfns.Length * Page.Size];
        Page.At(contents.AsSpan(), 1).Fill(0xAB);
        Page.At(contents.AsSpan(), 3).Fill(0xCD);
        ReadOnlyMemory<byte> record = new PageBatch(4).Copy(RecordType.Pages, pfns, contents);
        Assert.Equal(Protocol.HeaderSize + 4 + (4 * 8) + (2 * Page.Size), record.Length);

        PageBitmap allowed = new(10);
        allowed.SetAll();
        new PageBatch(4).Decode(
            RecordType.Pages, record.Span[Protocol.HeaderSize..], allowed, out ReadOnlySpan<int> gotPfns, out ReadOnlySpan<byte> gotPages);
        Assert.Equal(pfns, gotPfns.ToArray());
        Assert.Equal(contents, gotPages.ToArray());
    }

    [Theory]
    [InlineData(10UL)] // beyond the domain
    [InlineData(4UL)] // not populated
    [InlineData(1UL << 40)]
    [InlineData((1UL << 62) | 1)]
    public void Pages_that_the_domain_does_not_have_are_refused(ulong entry)
    {
        PageBitmap allowed = new(10);
        allowed.SetRange(0, 4);
        byte[] body = new byte[4 + 8 + Page.Size];
        BinaryPrimitives.WriteUInt32LittleEndian(body, 1);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(4), entry);
        MigrationException error = Assert.Throws<MigrationException>(
            () => new PageBatch().Decode(RecordType.Pages, body, allowed, out _, out _));
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(11)]
    [InlineData(12 + Page.Size - 1)]
    [InlineData(12 + Page.Size + 1)]
    public void A_body_of_the_wrong_length_is_refused(int length)
    {
        PageBitmap allowed = new(1);
        allowed.SetAll();
        byte[] body = new byte[length];
        if (length >= 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body, 1);
        }

        Assert.Throws<MigrationException>(() => new PageBatch().Decode(RecordType.Pages, body, allowed, out _, out _));
    }

    [Fact]
    public void A_batch_larger_than_the_protocol_allows_is_refused()
    {
        byte[] body = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(body, Protocol.MaximumBatch + 1);
        Assert.Throws<MigrationException>(() => new PageBatch().Decode(RecordType.Pages, body, new PageBitmap(1), out _, out _));
    }
}

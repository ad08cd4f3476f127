using System.Buffers.Binary;
using System.Runtime.InteropServices;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Transfer;

/// <summary>
/// A page batch of the protocol, in a buffer of its own that is used again and again: pages are read from the guest
/// straight into the record that is sent, and placed straight from the record that was received.
/// </summary>
/// <remarks>One thread at a time.</remarks>
public sealed class PageBatch
{
    private const ulong ZeroFlag = 1UL << 63;
    private const int EntriesOffset = Protocol.HeaderSize + sizeof(uint);

    /// <summary>What of the contents a block may have at most: a destination has work with it, so that it must be worth the while.</summary>
    private const int ShrunkParts = 8;

    private readonly byte[] _record;
    private readonly int[] _pfns;
    private byte[] _shrunk = [];
    private int _entries;
    private int _kept;

    /// <summary>Makes a batch.</summary>
    /// <param name="capacity">Most pages it holds.</param>
    public PageBatch(int capacity = Protocol.MaximumBatch)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, Protocol.MaximumBatch);
        _pfns = new int[capacity];
        _record = new byte[EntriesOffset + (capacity * (sizeof(ulong) + Page.Size))];
    }

    /// <summary>Most pages it holds.</summary>
    public int Capacity => _pfns.Length;

    /// <summary>Pages of all records made so far that were all zero.</summary>
    public long ZeroPages { get; private set; }

    /// <summary>Reads pages from memory into a record that is ready to send.</summary>
    /// <param name="type">The record's type.</param>
    /// <param name="pfns">The pages, at most <see cref="Capacity"/>.</param>
    /// <param name="memory">Where to read them.</param>
    /// <returns>The record, header included; valid until the next call.</returns>
    public ReadOnlyMemory<byte> Read(RecordType type, ReadOnlySpan<int> pfns, IGuestMemory memory)
    {
        Span<byte> contents = ContentsFor(pfns.Length);
        memory.Read(pfns, contents);
        return Finish(type, pfns);
    }

    /// <summary>Makes a record of pages that are already copied.</summary>
    /// <inheritdoc cref="Read"/>
    public ReadOnlyMemory<byte> Copy(RecordType type, ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        pages.CopyTo(ContentsFor(pfns.Length));
        return Finish(type, pfns);
    }

    /// <summary>Makes the record that was made last shorter: the same pages, the contents as a block of LZ4.</summary>
    /// <param name="record">The record, header included; valid until the next call. Empty where it did not shrink enough.</param>
    /// <returns>Whether it did.</returns>
    internal bool TryShrink(out ReadOnlyMemory<byte> record)
    {
        record = default;
        if (_kept == 0)
        {
            return false;
        }

        int before = EntriesOffset + (_entries * sizeof(ulong));
        int plain = _kept * Page.Size;
        if (_shrunk.Length == 0)
        {
            _shrunk = new byte[_record.Length - (Capacity * Page.Size / ShrunkParts)];
        }

        int length = Lz4.Compress(_record.AsSpan(before, plain), _shrunk.AsSpan(before, plain - (plain / ShrunkParts)));
        if (length < 0)
        {
            return false;
        }

        _record.AsSpan(0, before).CopyTo(_shrunk);
        RecordCodec.WriteHeader(_shrunk, RecordType.CompressedPages, before - Protocol.HeaderSize + length);
        record = _shrunk.AsMemory(0, before + length);
        return true;
    }

    /// <summary>Checks a received body and lays its pages out for placing.</summary>
    /// <param name="type">The record's type: whether the contents are a block of LZ4 hangs on it.</param>
    /// <param name="body">The body of a page batch.</param>
    /// <param name="isAllowed">The pages that may come.</param>
    /// <param name="pfns">The pages.</param>
    /// <param name="pages">Their contents; valid for as long as the body is, and until the next call.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public void Decode(
        RecordType type, ReadOnlySpan<byte> body, PageBitmap isAllowed, out ReadOnlySpan<int> pfns, out ReadOnlySpan<byte> pages)
    {
        WireReader reader = new(type, body);
        int count = reader.ReadCount(Capacity);
        ReadOnlySpan<ulong> entries = MemoryMarshal.Cast<byte, ulong>(reader.Take(count * sizeof(ulong)));
        int zeros = 0;
        for (int i = 0; i < count; i++)
        {
            ulong entry = BitConverter.IsLittleEndian ? entries[i] : BinaryPrimitives.ReverseEndianness(entries[i]);
            ulong pfn = entry & ~ZeroFlag;
            if (pfn >= (ulong)isAllowed.PageCount || !isAllowed[(int)pfn])
            {
                throw reader.Violation($"page {pfn}, which the domain does not have");
            }

            _pfns[i] = (int)pfn;
            zeros += (int)(entry >> 63);
        }

        int length = (count - zeros) * Page.Size;
        ReadOnlySpan<byte> contents = type == RecordType.CompressedPages
            ? Expand(reader, reader.TakeRest(), count, length)
            : reader.Take(length);
        reader.ExpectEnd();
        pfns = _pfns.AsSpan(0, count);

        // Contents lie one behind the other as they came, unless zeros belong between them.
        pages = zeros == 0 ? contents : Spread(entries, contents);
    }

    /// <summary>Decompresses a block to where all pages have room, at its end, so that they can be spread in place.</summary>
    private ReadOnlySpan<byte> Expand(WireReader reader, ReadOnlySpan<byte> block, int count, int length)
    {
        // The entries say how long the contents are, so no other length has to be believed. A block that is no shorter is none.
        Span<byte> contents = ContentsFor(count)[((count * Page.Size) - length)..];
        return block.Length < length && Lz4.IsAvailable && Lz4.TryDecompress(block, contents)
            ? contents
            : throw reader.Violation($"a block of {block.Length} bytes that is not the contents of {length / Page.Size} pages");
    }

    /// <summary>Lays pages out with zeros between them. Where the contents lie in the same room they lie at its end, and no page is overwritten
    /// before it has been moved.</summary>
    private Span<byte> Spread(ReadOnlySpan<ulong> entries, ReadOnlySpan<byte> contents)
    {
        Span<byte> pages = ContentsFor(entries.Length);
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> page = Page.At(pages, i);
            if ((BitConverter.IsLittleEndian ? entries[i] : BinaryPrimitives.ReverseEndianness(entries[i])) >= ZeroFlag)
            {
                page.Clear();
            }
            else
            {
                contents[..Page.Size].CopyTo(page);
                contents = contents[Page.Size..];
            }
        }

        return pages;
    }

    private Span<byte> ContentsFor(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Capacity);
        return _record.AsSpan(EntriesOffset + (count * sizeof(ulong)), count * Page.Size);
    }

    /// <summary>Fills in header and entries, and closes the gaps of all-zero pages.</summary>
    private ReadOnlyMemory<byte> Finish(RecordType type, ReadOnlySpan<int> pfns)
    {
        Span<byte> contents = ContentsFor(pfns.Length);
        int kept = 0;
        for (int i = 0; i < pfns.Length; i++)
        {
            ReadOnlySpan<byte> content = Page.At(contents, i);
            bool isZero = Page.IsZero(content);
            BinaryPrimitives.WriteUInt64LittleEndian(
                _record.AsSpan(EntriesOffset + (i * sizeof(ulong))), (uint)pfns[i] | (isZero ? ZeroFlag : 0));
            if (!isZero)
            {
                if (kept != i)
                {
                    content.CopyTo(Page.At(contents, kept));
                }

                kept++;
            }
        }

        ZeroPages += pfns.Length - kept;
        (_entries, _kept) = (pfns.Length, kept);
        BinaryPrimitives.WriteInt32LittleEndian(_record.AsSpan(Protocol.HeaderSize), pfns.Length);
        int length = sizeof(uint) + (pfns.Length * sizeof(ulong)) + (kept * Page.Size);
        RecordCodec.WriteHeader(_record, type, length);
        return _record.AsMemory(0, Protocol.HeaderSize + length);
    }
}

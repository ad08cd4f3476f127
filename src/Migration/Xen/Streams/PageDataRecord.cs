using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Streams;

/// <summary>One page of a PAGE_DATA record.</summary>
/// <param name="Pfn">Page frame number, up to 52 bits; a guest frame number (gfn) for HVM and PVH.</param>
/// <param name="Type">Its type.</param>
/// <param name="Content">4096 bytes, or empty where the type has no content.</param>
public readonly record struct XenStreamPage(long Pfn, XenPageType Type, ReadOnlyMemory<byte> Content);

/// <summary>
/// PAGE_DATA: page frame numbers with types, then the contents of those pages whose type has one.
/// </summary>
/// <remarks>
/// A record that <see cref="XenStreamReader"/> returned lies in the reader's buffer: it is valid until the next read. Copy
/// what is needed for longer.
/// </remarks>
public sealed record PageDataRecord : LibxcRecord
{
    /// <summary>Bytes of a page.</summary>
    public const int PageLength = 4096;

    /// <summary>Pages that Xen's own saver puts into a record at most (MAX_BATCH_SIZE).</summary>
    public const int XenBatch = 1024;

    internal const long LargestPfn = (1L << 52) - 1;

    private readonly ReadOnlyMemory<byte> _body;
    private readonly IReadOnlyList<XenStreamPage>? _pages;

    private PageDataRecord(ReadOnlyMemory<byte> body, int count, int contentCount)
    {
        _body = body;
        Count = count;
        ContentCount = contentCount;
    }

    /// <summary>Creates a record to write. The list and the contents are kept, not copied.</summary>
    /// <param name="pages">At least one page; content of 4096 bytes exactly where the type has content.</param>
    /// <exception cref="ArgumentException">No page, a reserved type, a frame number of more than 52 bits, or content
    /// that does not fit its type.</exception>
    public PageDataRecord(IReadOnlyList<XenStreamPage> pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        if (pages.Count == 0)
        {
            throw new ArgumentException("A PAGE_DATA record needs at least one page.", nameof(pages));
        }

        foreach (XenStreamPage page in pages)
        {
            if (!page.Type.IsKnown() || page.Pfn is < 0 or > LargestPfn)
            {
                throw new ArgumentException(
                    $"Frame number {page.Pfn} with type {page.Type} cannot be written: frame numbers have 52 bits and types 5 to 8 are reserved.",
                    nameof(pages));
            }

            int expected = page.Type.HasContent() ? PageLength : 0;
            if (page.Content.Length != expected)
            {
                throw new ArgumentException(
                    $"Page {page.Pfn} of type {page.Type} must have {expected} bytes of content, not {page.Content.Length}.",
                    nameof(pages));
            }

            ContentCount += page.Type.HasContent() ? 1 : 0;
        }

        _pages = pages;
        Count = pages.Count;
    }

    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.PageData;

    /// <summary>Pages in the record.</summary>
    public int Count { get; }

    /// <summary>Pages in the record that have content.</summary>
    public int ContentCount { get; }

    internal override long BodyLength => 8 + (8L * Count) + ((long)PageLength * ContentCount);

    /// <summary>The pages in the order of the stream.</summary>
    /// <returns>A lazy sequence over this record's memory.</returns>
    public IEnumerable<XenStreamPage> Pages()
    {
        if (_pages is not null)
        {
            foreach (XenStreamPage page in _pages)
            {
                yield return page;
            }

            yield break;
        }

        int content = 8 + (8 * Count);
        for (int i = 0; i < Count; i++)
        {
            ulong word = Word(i);
            XenPageType type = (XenPageType)(word >> 60);
            int length = type.HasContent() ? PageLength : 0;
            yield return new XenStreamPage((long)word & LargestPfn, type, _body.Slice(content, length));
            content += length;
        }
    }

    internal static PageDataRecord Read(ref BodyReader body)
    {
        BodyReader whole = body;
        uint count = body.U32();
        body.Reserved(4);
        if (count == 0 || count > body.Remaining / 8)
        {
            throw body.Malformed($"It announces {count} pages, for which its {body.Remaining} bytes do not suffice.");
        }

        int contents = 0;
        for (uint i = 0; i < count; i++)
        {
            ulong word = body.U64();
            XenPageType type = (XenPageType)(word >> 60);
            if (!type.IsKnown())
            {
                throw body.Malformed($"Page {i} has the reserved type {(int)type}.");
            }

            if ((word & 0x0ff0_0000_0000_0000) != 0)
            {
                throw body.Malformed($"Page {i} has reserved bits set: 0x{word:x16}.");
            }

            contents += type.HasContent() ? 1 : 0;
        }

        if (body.Remaining != (long)contents * PageLength)
        {
            throw body.Malformed(
                $"{contents} of its {count} pages have content, {(long)contents * PageLength} bytes; it has {body.Remaining}.");
        }

        return new PageDataRecord(whole.Rest(), (int)count, contents);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32((uint)Count);
        sink.U32(0);
        if (_pages is null)
        {
            sink.Bytes(_body.Span[8..]);
            return;
        }

        foreach (XenStreamPage page in _pages)
        {
            sink.U64((ulong)page.Pfn | ((ulong)page.Type << 60));
        }

        foreach (XenStreamPage page in _pages)
        {
            sink.Bytes(page.Content.Span);
        }
    }

    private ulong Word(int index) => BinaryPrimitives.ReadUInt64LittleEndian(_body.Span[(8 + (8 * index))..]);
}

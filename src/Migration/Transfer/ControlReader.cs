using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Transfer;

/// <summary>
/// Reads the control records that come on one bulk connection, those included that do not fit into one: what is missing of a
/// large domain, and what is populated of a fragmented one, comes in parts ahead of the record that it belongs to. Parts have
/// a fixed size and an order, so that a peer can neither repeat nor overlap them, nor make this side keep more than the domain itself
/// would need.
/// </summary>
/// <remarks>Not thread-safe: it belongs to the one thread that receives.</remarks>
public sealed class ControlReader
{
    /// <summary>Bytes that a range takes: a list's room is doubled when it is full.</summary>
    private const int RangeCost = 24;

    private readonly int? _pageCount;
    private readonly MemoryShare? _memory;
    private List<PageRange> _ranges = [];
    private PageBitmap? _missing;
    private bool _isPrepared;

    private ControlReader(int? pageCount, MemoryShare? memory) => (_pageCount, _memory) = (pageCount, memory);

    /// <summary>How many pages have been told ahead of the next Resume.</summary>
    internal int PagesTold { get; private set; }

    /// <summary>Makes a reader for the records of a destination.</summary>
    /// <param name="pageCount">The pages of the domain that went there: what it says is compared with this before it is believed.</param>
    public static ControlReader AtSource(int pageCount) => new(pageCount, null);

    /// <summary>For the records of a source.</summary>
    public static ControlReader AtDestination() => new(null, null);

    /// <summary>For the records of a source.</summary>
    /// <param name="memory">What is kept of them is taken from here.</param>
    /// <param name="isPrepared">Whether the source has said before which domain comes, so that nothing is told ahead of that.</param>
    internal static ControlReader AtDestination(MemoryShare memory, bool isPrepared = false) => new(null, memory) { _isPrepared = isPrepared };

    /// <summary>Reads a record.</summary>
    /// <param name="type">From the header.</param>
    /// <param name="body">The body, as long as the header says.</param>
    /// <returns>The record; null for a part of one that is still to come.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public ControlRecord? Read(RecordType type, ReadOnlySpan<byte> body)
    {
        WireReader reader = new(type, body);
        switch (type)
        {
            case RecordType.MissingPages when _pageCount is int pageCount:
                AddMissing(ref reader, pageCount);
                return null;
            case RecordType.PopulatedRanges when _pageCount is null && !_isPrepared:
                AddRanges(ref reader);
                return null;
            default:
                ControlRecord record = RecordCodec.Decode(type, body, this);
                _isPrepared |= record is PrepareRecord;
                return record;
        }
    }

    /// <summary>The ranges that have been told ahead of Prepare, ascending, given over.</summary>
    internal List<PageRange> TakeRanges()
    {
        (List<PageRange> taken, _ranges) = (_ranges, []);
        return taken;
    }

    /// <summary>The bitmap of missing pages with the parts that came ahead, for the record that holds the rest; the next call begins a new
    /// one.</summary>
    internal PageBitmap TakeMissing(ref WireReader reader, ResumePosition position, int pageCount)
    {
        if (pageCount != (position == ResumePosition.Paused ? _pageCount : 0))
        {
            throw reader.Violation($"{pageCount} pages of a domain that is {position} there and has {_pageCount} here");
        }

        PageBitmap missing = _missing ?? new PageBitmap(pageCount);
        (_missing, PagesTold) = (null, 0);
        return missing;
    }

    private void AddMissing(ref WireReader reader, int pageCount)
    {
        int first = reader.ReadCount(int.MaxValue);
        if (first != PagesTold || pageCount - first <= Protocol.PagesInPart)
        {
            throw reader.Violation($"pages from {first} on where {PagesTold} of {pageCount} have been told");
        }

        ReadOnlySpan<byte> bits = reader.Take(PageBitmap.ByteCount(Protocol.PagesInPart));
        reader.ExpectEnd();
        _missing ??= new PageBitmap(pageCount);
        _missing.OrBytes(first, bits);
        PagesTold += Protocol.PagesInPart;
    }

    private void AddRanges(ref WireReader reader)
    {
        if (_ranges.Count > Protocol.MaximumRanges - (2 * Protocol.RangesInPart))
        {
            throw reader.Violation($"more than {Protocol.MaximumRanges} ranges of pages");
        }

        int next = _ranges.Count == 0 ? 0 : _ranges[^1].End;
        _memory?.Take((long)Protocol.RangesInPart * RangeCost, $"{Protocol.RangesInPart} ranges of pages");
        RecordCodec.ReadRanges(ref reader, Protocol.RangesInPart, next, int.MaxValue, _ranges);
        reader.ExpectEnd();
    }
}

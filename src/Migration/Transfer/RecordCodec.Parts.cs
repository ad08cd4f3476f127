using System.Buffers;
using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Transfer;

/// <content>Lists, and what does not fit into one record.</content>
public static partial class RecordCodec
{
    /// <summary>
    /// Encodes what is to be sent ahead of a record because it does not fit into it, in whole records; nothing for most.
    /// <see cref="ControlReader"/> puts them together again.
    /// </summary>
    /// <exception cref="MigrationException">The record does not fit the protocol's limits.</exception>
    public static IEnumerable<byte[]> EncodeAhead(ControlRecord record) => record switch
    {
        ResumeRecord resume => MissingAhead(resume.Missing),
        PrepareRecord prepare => RangesAhead(prepare.Description.Populated),
        _ => [],
    };

    /// <summary>Reads ranges, and adds them to others.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="count">How many.</param>
    /// <param name="next">Where the first may begin.</param>
    /// <param name="pageCount">Where the last must end.</param>
    /// <param name="ranges">Where to.</param>
    internal static void ReadRanges(ref WireReader reader, int count, int next, int pageCount, List<PageRange> ranges)
    {
        for (int i = 0; i < count; i++)
        {
            PageRange range = new(reader.ReadCount(int.MaxValue), reader.ReadCount(int.MaxValue));
            if (range.First < next || range.Count < 1 || range.First > pageCount - range.Count)
            {
                throw reader.Violation($"a range of pages {range} that is out of order or beyond {pageCount} pages");
            }

            ranges.Add(range);
            next = range.End;
        }
    }

    private static void WriteVerdict(ArrayBufferWriter<byte> writer, AdmissionVerdict verdict)
    {
        PutString(writer, verdict.Policy);
        Put(writer, (ushort)verdict.Refusals.Count);
        foreach (AdmissionRefusal refusal in verdict.Refusals)
        {
            PutString(writer, refusal.Setting);
            PutString(writer, refusal.Reason);
            PutString(writer, refusal.AllowedBy);
        }
    }

    private static VerdictRecord ReadVerdict(ref WireReader reader)
    {
        string policy = reader.ReadText();
        int count = reader.ReadUInt16();
        if (count > AdmissionVerdict.MostRefusals)
        {
            throw reader.Violation($"{count} refusals, more than {AdmissionVerdict.MostRefusals}");
        }

        AdmissionRefusal[] refusals = new AdmissionRefusal[count];
        for (int i = 0; i < count; i++)
        {
            refusals[i] = new AdmissionRefusal(reader.ReadText(), reader.ReadText(), reader.ReadText());
        }

        return new VerdictRecord(new AdmissionVerdict(policy, refusals));
    }

    private static IEnumerable<byte[]> MissingAhead(PageBitmap missing)
    {
        for (int first = 0; first < ToldAhead(missing.PageCount, Protocol.PagesInPart); first += Protocol.PagesInPart)
        {
            byte[] part = Part(RecordType.MissingPages, sizeof(uint) + PageBitmap.ByteCount(Protocol.PagesInPart));
            BinaryPrimitives.WriteInt32LittleEndian(part.AsSpan(Protocol.HeaderSize), first);
            missing.CopyBytes(first, part.AsSpan(Protocol.HeaderSize + sizeof(uint)));
            yield return part;
        }
    }

    private static IEnumerable<byte[]> RangesAhead(IReadOnlyList<PageRange> ranges)
    {
        if (ranges.Count > Protocol.MaximumRanges)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"The domain's memory is in {ranges.Count} ranges, more than {Protocol.MaximumRanges}.",
                "Give its balloon the memory back, so that fewer holes are left, or shut it down and start it at the destination.");
        }

        for (int first = 0; first < ToldAhead(ranges.Count, Protocol.RangesInPart); first += Protocol.RangesInPart)
        {
            byte[] part = Part(RecordType.PopulatedRanges, 2 * sizeof(uint) * Protocol.RangesInPart);
            Span<byte> body = part.AsSpan(Protocol.HeaderSize);
            for (int i = 0; i < Protocol.RangesInPart; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(body[(8 * i)..], ranges[first + i].First);
                BinaryPrimitives.WriteInt32LittleEndian(body[((8 * i) + 4)..], ranges[first + i].Count);
            }

            yield return part;
        }
    }

    private static byte[] Part(RecordType type, int length)
    {
        byte[] part = new byte[Protocol.HeaderSize + length];
        WriteHeader(part, type, length);
        return part;
    }

    /// <summary>How many of a number of items are sent in parts ahead of the record: whole parts only, and never all items.</summary>
    private static int ToldAhead(int count, int inPart) => count == 0 ? 0 : (count - 1) / inPart * inPart;
}

using System.Buffers.Text;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Recording;

/// <summary>
/// Trajectories as text for other tools: a line <c>epoch,pfn,write</c> for each access record in order, write being 0 or 1,
/// with those three words as an optional first line.
/// </summary>
public static class TrajectoryCsv
{
    private const int MaximumLine = 64;
    private static ReadOnlySpan<byte> Heading => "epoch,pfn,write"u8;

    /// <summary>Writes a trajectory.</summary>
    /// <param name="target">Where to; left open.</param>
    /// <param name="trajectory">What.</param>
    public static void Write(Stream target, AccessTrajectory trajectory)
    {
        byte[] buffer = new byte[1 << 16];
        Heading.CopyTo(buffer);
        int length = Heading.Length;
        buffer[length++] = (byte)'\n';
        foreach (ref readonly AccessRecord record in trajectory.Records)
        {
            if (buffer.Length - length < MaximumLine)
            {
                target.Write(buffer, 0, length);
                length = 0;
            }

            length += Number(buffer.AsSpan(length), record.Epoch, (byte)',');
            length += Number(buffer.AsSpan(length), record.Pfn, (byte)',');
            length += Number(buffer.AsSpan(length), (int)record.Kind, (byte)'\n');
        }

        target.Write(buffer, 0, length);
    }

    /// <summary>Reads a trajectory. Needs no memory beyond the trajectory itself: the text is read twice.</summary>
    /// <param name="source">From where, from its present position on; left open.</param>
    /// <param name="epochLength">How long an epoch lasted.</param>
    /// <param name="pageCount">The guest's page count; null for one above the highest page that is named.</param>
    /// <param name="isEpochOrdered">Whether the order inside an epoch is the order of the accesses.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidFile"/>; the message names line and offset.</exception>
    /// <exception cref="ArgumentException">The source cannot seek.</exception>
    public static AccessTrajectory Read(Stream source, TimeSpan epochLength, int? pageCount, bool isEpochOrdered = true)
    {
        if (!source.CanSeek)
        {
            throw new ArgumentException("The text is read twice, so its stream must be able to seek.", nameof(source));
        }

        long start = source.Position;
        int count = 0;
        int lastEpoch = -1;
        int highest = -1;
        Parse(source, pageCount ?? int.MaxValue, (epoch, pfn, _) =>
        {
            (count, lastEpoch, highest) = (checked(count + 1), epoch, Math.Max(highest, pfn));
        });
        source.Position = start;
        AccessRecord[] records = new AccessRecord[count];
        int next = 0;
        Parse(source, pageCount ?? int.MaxValue, (epoch, pfn, isWrite) =>
        {
            // A file that grows between the two readings is read only as far as it was counted.
            if (next < records.Length)
            {
                records[next] = new AccessRecord(next, epoch, pfn, isWrite ? AccessKind.Write : AccessKind.Read);
                next++;
            }
        });

        // A range of an array is a copy of it: only a file that shrank meanwhile needs one.
        return new AccessTrajectory(
            next == records.Length ? records : records[..next], pageCount ?? (highest + 1), epochLength, lastEpoch + 1, isEpochOrdered);
    }

    private static void Parse(Stream source, int pageCount, Action<int, int, bool> onRecord)
    {
        byte[] buffer = new byte[1 << 16];
        int length = 0;
        long offset = 0;
        long line = 0;
        int lastEpoch = 0;
        bool isEnd = false;
        while (!isEnd || length > 0)
        {
            int read = isEnd ? 0 : source.Read(buffer, length, buffer.Length - length);
            isEnd |= read == 0;
            length += read;
            int start = 0;
            while (start < length)
            {
                int end = buffer.AsSpan(start, length - start).IndexOf((byte)'\n');
                if (end < 0 && (!isEnd || length - start > MaximumLine))
                {
                    break;
                }

                ReadOnlySpan<byte> text = buffer.AsSpan(start, end < 0 ? length - start : end);
                line++;
                if (text.EndsWith("\r"u8))
                {
                    text = text[..^1];
                }

                if (!text.IsEmpty && !(line == 1 && text.SequenceEqual(Heading)))
                {
                    ParseLine(text, pageCount, ref lastEpoch, line, offset + start, onRecord);
                }

                start += end < 0 ? length - start : end + 1;
            }

            if (length - start > MaximumLine)
            {
                throw Invalid(line + 1, offset + start, "is longer than any line epoch,pfn,write");
            }

            buffer.AsSpan(start, length - start).CopyTo(buffer);
            (offset, length) = (offset + start, length - start);
        }
    }

    private static void ParseLine(
        ReadOnlySpan<byte> text, int pageCount, ref int lastEpoch, long line, long offset, Action<int, int, bool> onRecord)
    {
        if (!TryNumber(ref text, out int epoch) || !TryNumber(ref text, out int pfn)
            || text.Length != 1 || text[0] is not ((byte)'0' or (byte)'1'))
        {
            throw Invalid(line, offset, "is not epoch,pfn,write with two numbers and a 0 or a 1");
        }

        if (pfn >= pageCount || pfn == int.MaxValue)
        {
            throw Invalid(line, offset, $"names page {pfn}, and the guest has {pageCount} pages");
        }

        if (epoch < lastEpoch || epoch == int.MaxValue)
        {
            throw Invalid(line, offset, $"is of epoch {epoch}, after one of epoch {lastEpoch}");
        }

        lastEpoch = epoch;
        onRecord(epoch, pfn, text[0] == '1');
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> text, out int value)
    {
        if (text.IsEmpty || !char.IsAsciiDigit((char)text[0])
            || !Utf8Parser.TryParse(text, out value, out int read) || read == text.Length || text[read] != ',')
        {
            value = 0;
            return false;
        }

        text = text[(read + 1)..];
        return true;
    }

    private static int Number(Span<byte> target, int value, byte separator)
    {
        Utf8Formatter.TryFormat(value, target, out int written);
        target[written] = separator;
        return written + 1;
    }

    private static MigrationException Invalid(long line, long offset, string problem) => TrajectoryFormat.Invalid(
        offset, $"line {line} {problem}", "Give lines epoch,pfn,write in the order of the first touches, such as 0,1234,1.");
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Recording;

/// <summary>Reads trajectory files (docs/trajectory-format.md). A file is hostile until its checks have been made.</summary>
public sealed class TrajectoryReader
{
    private readonly Stream _source;
    private readonly IncrementalHash _whole;
    private readonly List<AccessRecord[]> _blocks = [];
    private long _offset;
    private int _recordCount;

    private TrajectoryReader(Stream source, IncrementalHash whole)
    {
        _source = source;
        _whole = whole;
    }

    /// <summary>Reads a whole file.</summary>
    /// <param name="source">From where; left open, at its end.</param>
    /// <exception cref="MigrationException">
    /// <see cref="MigrationErrorId.InvalidFile"/>: truncated, damaged, of a newer version, or no trajectory file; the message
    /// names the offset.
    /// </exception>
    /// <exception cref="IOException">The source cannot be read.</exception>
    public static TrajectoryDocument Read(Stream source)
    {
        using IncrementalHash whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        TrajectoryReader reader = new(source, whole);
        TrajectoryHeader header = reader.ReadHeader();
        while (reader.ReadBlock())
        {
        }

        return reader.Finish(header);
    }

    private TrajectoryHeader ReadHeader()
    {
        byte[] preamble = ReadExactly(TrajectoryFormat.PreambleSize);
        if (!preamble.AsSpan().StartsWith(TrajectoryFormat.Magic))
        {
            throw TrajectoryFormat.Invalid(
                0, "this is no trajectory file", "Give a file that Export-PreRecord wrote; one in CSV has the extension .csv.");
        }

        int version = BinaryPrimitives.ReadUInt16LittleEndian(preamble.AsSpan(8));
        int flags = BinaryPrimitives.ReadUInt16LittleEndian(preamble.AsSpan(10));
        if (version != TrajectoryFormat.Version || flags != 0)
        {
            throw TrajectoryFormat.Invalid(
                8,
                $"its format is version {version} with flags {flags}, and this module reads version {TrajectoryFormat.Version} without",
                "Update this module, or export the recording with this version of it.");
        }

        int length = Length(preamble, 12, TrajectoryFormat.MaximumHeader);
        byte[] body = ReadExactly(length);
        ExpectCheck([.. preamble, .. body], 0);
        return TrajectoryHeader.Decode(body, TrajectoryFormat.PreambleSize);
    }

    private bool ReadBlock()
    {
        long start = _offset;
        byte[] head = ReadExactly(TrajectoryFormat.BlockHeadSize);
        bool isEnd = head[0] == TrajectoryFormat.EndBlock;
        if (!isEnd && head[0] != TrajectoryFormat.RecordsBlock)
        {
            throw TrajectoryFormat.Invalid(start, "no block starts there");
        }

        int records = Length(head, 1, isEnd ? int.MaxValue : TrajectoryFormat.BlockRecords);
        int decodedLength = Length(head, 5, TrajectoryFormat.MaximumBlock);
        int storedLength = Length(head, 9, TrajectoryFormat.MaximumBlock);
        if (isEnd)
        {
            ExpectCheck(head, start);
            if (records != _recordCount)
            {
                throw TrajectoryFormat.Invalid(start, $"the file says it has {records} records, and has {_recordCount}");
            }

            return false;
        }

        byte[] body = ReadExactly(storedLength);
        ExpectCheck([.. head, .. body], start);

        // Every record takes at least three bytes, so that a damaged number of records cannot ask for more memory than the block could
        // fill.
        AccessRecord[] block = records <= decodedLength / 3
            ? new AccessRecord[records]
            : throw TrajectoryFormat.Invalid(start + 1, $"a block of {decodedLength} bytes cannot have {records} records");
        if (!TrajectoryBlock.TryDecode(body, new byte[decodedLength], block) || records == 0)
        {
            throw TrajectoryFormat.Invalid(start, "a block does not hold what it says");
        }

        _blocks.Add(block);
        _recordCount = checked(_recordCount + records);
        return true;
    }

    private TrajectoryDocument Finish(TrajectoryHeader header)
    {
        long start = _offset;
        byte[] expected = _whole.GetHashAndReset();
        if (!ReadExactly(expected.Length).AsSpan().SequenceEqual(expected))
        {
            throw TrajectoryFormat.Invalid(start, "the file's SHA-256 does not match: blocks were exchanged or left out");
        }

        if (_source.ReadByte() >= 0)
        {
            throw TrajectoryFormat.Invalid(_offset, "something follows the end of the trajectory");
        }

        AccessRecord[] records = new AccessRecord[_recordCount];
        int count = 0;
        foreach (AccessRecord[] block in _blocks)
        {
            block.CopyTo(records, count);
            count += block.Length;
        }

        try
        {
            return new TrajectoryDocument(
                new AccessTrajectory(
                    records, header.Populated.PageCount, header.EpochLength, header.EpochCount, header.IsEpochOrdered),
                header.Populated,
                header.Properties);
        }
        catch (ArgumentException e)
        {
            // Every check was right, so the file is not damaged: another writer than this one put records together that do not go together.
            throw TrajectoryFormat.Invalid(TrajectoryFormat.PreambleSize, $"its records do not go together: {e.Message}");
        }
    }

    private byte[] ReadExactly(int count)
    {
        byte[] bytes = new byte[Math.Min(count, 1 << 16)];
        int length = 0;
        while (length < count)
        {
            // Memory is taken only as far as bytes really come, whatever a damaged length asks for.
            if (length == bytes.Length)
            {
                Array.Resize(ref bytes, Math.Min(count, bytes.Length * 2));
            }

            int read = _source.Read(bytes, length, bytes.Length - length);
            if (read == 0)
            {
                throw TrajectoryFormat.Invalid(
                    _offset + length, $"the file ends there, {count - length} bytes too early");
            }

            length += read;
        }

        _offset += count;
        return bytes;
    }

    private int Length(byte[] bytes, int at, int most)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
        return length >= 0 && length <= most
            ? length
            : throw TrajectoryFormat.Invalid(_offset - bytes.Length + at, $"a length of {length} is not possible there");
    }

    private void ExpectCheck(byte[] bytes, long start)
    {
        byte[] expected = new byte[TrajectoryFormat.CheckSize];
        TrajectoryFormat.Check(bytes, expected);
        long offset = _offset;
        byte[] check = ReadExactly(TrajectoryFormat.CheckSize);
        if (!check.AsSpan().SequenceEqual(expected))
        {
            throw TrajectoryFormat.Invalid(start, $"the bytes from there to {offset} do not match their check");
        }

        _whole.AppendData(bytes);
        _whole.AppendData(check);
    }
}

using System.IO.Compression;

namespace PreRecordMigration.Recording;

/// <summary>
/// The body of a block of records: three columns of differences from record to record (epoch, sequence, page with kind),
/// compressed together. A block stands by itself.
/// </summary>
internal static class TrajectoryBlock
{
    private const int Quality = 5;
    private const int WindowBits = 22;

    /// <summary>Encodes records.</summary>
    /// <param name="records">At most <see cref="TrajectoryFormat.BlockRecords"/>.</param>
    /// <param name="scratch">Room for <see cref="TrajectoryFormat.MaximumBlock"/> bytes.</param>
    /// <param name="decodedLength">The length before compression.</param>
    /// <returns>The compressed bytes.</returns>
    public static byte[] Encode(ReadOnlySpan<AccessRecord> records, Span<byte> scratch, out int decodedLength)
    {
        AccessRecord last = new(-1, 0, 0, AccessKind.Read);
        int length = 0;
        foreach (ref readonly AccessRecord record in records)
        {
            length += VariableLength.Write(scratch[length..], (ulong)(record.Epoch - last.Epoch));
            last = record;
        }

        last = new AccessRecord(-1, 0, 0, AccessKind.Read);
        foreach (ref readonly AccessRecord record in records)
        {
            length += VariableLength.Write(scratch[length..], (ulong)(record.Sequence - (long)last.Sequence - 1));
            last = record;
        }

        last = new AccessRecord(-1, 0, 0, AccessKind.Read);
        foreach (ref readonly AccessRecord record in records)
        {
            ulong step = VariableLength.ZigZag((long)record.Pfn - last.Pfn);
            length += VariableLength.Write(scratch[length..], (step << 1) | (byte)record.Kind);
            last = record;
        }

        decodedLength = length;
        byte[] compressed = new byte[BrotliEncoder.GetMaxCompressedLength(length)];
        return BrotliEncoder.TryCompress(scratch[..length], compressed, out int written, Quality, WindowBits)
            ? compressed[..written]
            : throw new InvalidOperationException("The compressor found too little room.");
    }

    /// <summary>Decodes records.</summary>
    /// <param name="compressed">The compressed bytes.</param>
    /// <param name="decoded">Room for exactly what they decode to.</param>
    /// <param name="records">Room for exactly the records.</param>
    /// <returns>False where the bytes are not those of so many records.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> compressed, Span<byte> decoded, Span<AccessRecord> records)
    {
        if (!BrotliDecoder.TryDecompress(compressed, decoded, out int length) || length != decoded.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = decoded;
        long epoch = 0;
        foreach (ref AccessRecord record in records)
        {
            if (!TryAdvance(ref rest, ref epoch))
            {
                return false;
            }

            record = record with { Epoch = (int)epoch };
        }

        long sequence = -1;
        foreach (ref AccessRecord record in records)
        {
            if (!TryAdvance(ref rest, ref sequence) || ++sequence > int.MaxValue)
            {
                return false;
            }

            record = record with { Sequence = (int)sequence };
        }

        long pfn = 0;
        foreach (ref AccessRecord record in records)
        {
            if (!VariableLength.TryRead(ref rest, out ulong step)
                || step >> 1 > uint.MaxValue
                || (pfn += VariableLength.UnZigZag(step >> 1)) is < 0 or > int.MaxValue)
            {
                return false;
            }

            record = record with { Pfn = (int)pfn, Kind = (AccessKind)(step & 1) };
        }

        return rest.IsEmpty;
    }

    private static bool TryAdvance(ref ReadOnlySpan<byte> rest, ref long value)
    {
        if (!VariableLength.TryRead(ref rest, out ulong step) || step > int.MaxValue)
        {
            return false;
        }

        value += (long)step;
        return value <= int.MaxValue;
    }
}

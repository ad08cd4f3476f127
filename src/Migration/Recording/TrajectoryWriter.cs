using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PreRecordMigration.Recording;

/// <summary>Writes trajectory files (docs/trajectory-format.md).</summary>
public static class TrajectoryWriter
{
    /// <summary>Writes a whole file. The same document gives the same bytes.</summary>
    /// <param name="target">Where to; left open.</param>
    /// <param name="document">What.</param>
    /// <exception cref="ArgumentException">The populated pages are those of another guest.</exception>
    /// <exception cref="IOException">The target cannot be written.</exception>
    public static void Write(Stream target, TrajectoryDocument document)
    {
        if (document.Populated.PageCount != document.Trajectory.PageCount)
        {
            throw new ArgumentException("The populated pages are not those of the trajectory's guest.", nameof(document));
        }

        using IncrementalHash whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] header = TrajectoryHeader.Encode(document);
        byte[] preamble = new byte[TrajectoryFormat.PreambleSize];
        TrajectoryFormat.Magic.CopyTo(preamble);
        BinaryPrimitives.WriteUInt16LittleEndian(preamble.AsSpan(8), TrajectoryFormat.Version);
        BinaryPrimitives.WriteInt32LittleEndian(preamble.AsSpan(12), header.Length);
        Checked([.. preamble, .. header]);

        ReadOnlySpan<AccessRecord> records = document.Trajectory.Records;
        byte[] scratch = new byte[Math.Min(TrajectoryFormat.MaximumBlock, (long)records.Length * 3 * VariableLength.MaximumSize)];
        for (int start = 0; start < records.Length; start += TrajectoryFormat.BlockRecords)
        {
            ReadOnlySpan<AccessRecord> part =
                records.Slice(start, Math.Min(TrajectoryFormat.BlockRecords, records.Length - start));
            byte[] body = TrajectoryBlock.Encode(part, scratch, out int decodedLength);
            Checked([.. Head(TrajectoryFormat.RecordsBlock, part.Length, decodedLength, body.Length), .. body]);
        }

        Checked(Head(TrajectoryFormat.EndBlock, records.Length, 0, SHA256.HashSizeInBytes));
        target.Write(whole.GetHashAndReset());

        void Checked(byte[] bytes)
        {
            byte[] check = new byte[TrajectoryFormat.CheckSize];
            TrajectoryFormat.Check(bytes, check);
            target.Write(bytes);
            target.Write(check);
            whole.AppendData(bytes);
            whole.AppendData(check);
        }
    }

    private static byte[] Head(byte kind, int records, int decodedLength, int storedLength)
    {
        byte[] head = new byte[TrajectoryFormat.BlockHeadSize];
        head[0] = kind;
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(1), records);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(5), decodedLength);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(9), storedLength);
        return head;
    }
}

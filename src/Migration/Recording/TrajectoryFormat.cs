using System.Security.Cryptography;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Recording;

/// <summary>The numbers of the trajectory file format (docs/trajectory-format.md), and its errors.</summary>
internal static class TrajectoryFormat
{
    /// <summary>The version that is written, and the newest that is read.</summary>
    public const ushort Version = 1;

    /// <summary>Bytes before the header's body: magic, version, flags, length.</summary>
    public const int PreambleSize = 16;

    /// <summary>Bytes before a block's body: kind, records, decoded length, stored length.</summary>
    public const int BlockHeadSize = 13;

    /// <summary>Bytes of the check behind the header and behind each block: the first of a SHA-256.</summary>
    public const int CheckSize = 8;

    /// <summary>Most records in a block.</summary>
    public const int BlockRecords = 1 << 16;

    /// <summary>Longest decoded block: each record takes at most three variable-length numbers.</summary>
    public const int MaximumBlock = BlockRecords * 3 * VariableLength.MaximumSize;

    /// <summary>Longest header body.</summary>
    public const int MaximumHeader = 64 << 20;

    /// <summary>Most pages of a guest: 1 TiB. Each has a bit, whatever else the file says of it.</summary>
    public const int MaximumPages = 1 << 28;

    /// <summary>A block of records.</summary>
    public const byte RecordsBlock = (byte)'R';

    /// <summary>The last block.</summary>
    public const byte EndBlock = (byte)'E';

    /// <summary>What a trajectory file starts with. The line feeds show a transfer that took it for text.</summary>
    public static ReadOnlySpan<byte> Magic => "PRTRAJ\r\n"u8;

    /// <summary>Computes a check.</summary>
    public static void Check(ReadOnlySpan<byte> bytes, Span<byte> check)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        hash[..CheckSize].CopyTo(check);
    }

    /// <summary>The error of a file that cannot be read.</summary>
    /// <param name="offset">Where, in bytes from the file's start.</param>
    /// <param name="problem">What is wrong there.</param>
    /// <param name="remedy">What to do about it.</param>
    public static MigrationException Invalid(
        long offset, string problem, string remedy = "Export the recording again, or copy the file again from where it is whole.") =>
        new(MigrationErrorId.InvalidFile, FormattableString.Invariant($"The trajectory cannot be read at byte {offset}: {problem}."), remedy);
}

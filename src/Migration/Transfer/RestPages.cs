using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Transfer;

/// <summary>
/// The names of pages that arrive after the domain runs, where others have arrived before (docs/protocol.md, Rest), and of those that the guest has used there
/// (UsedPages). They grow with what is
/// named and not with the domain: a word for each 64 pages of which one is named.
/// </summary>
public static class RestPages
{
    private const int WordPages = 64;
    private const int EntrySize = sizeof(uint) + sizeof(ulong);

    /// <summary>The records that name pages, each with its header.</summary>
    /// <param name="rest">The pages.</param>
    /// <param name="type">What is said of them: <see cref="RecordType.Rest"/> or <see cref="RecordType.UsedPages"/>.</param>
    /// <returns>Nothing where there are none.</returns>
    public static IEnumerable<byte[]> Encode(PageBitmap rest, RecordType type = RecordType.Rest)
    {
        ArgumentNullException.ThrowIfNull(rest);
        foreach (int[] words in Enumerable.Range(0, rest.WordCount).Where(word => rest.WordAt(word) != 0).Chunk(Protocol.MaximumRestWords))
        {
            int length = sizeof(uint) + (words.Length * EntrySize);
            byte[] record = new byte[Protocol.HeaderSize + length];
            RecordCodec.WriteHeader(record, type, length);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Protocol.HeaderSize), words.Length);
            Span<byte> entries = record.AsSpan(Protocol.HeaderSize + sizeof(uint));
            for (int i = 0; i < words.Length; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(entries[(i * EntrySize)..], words[i]);
                BinaryPrimitives.WriteUInt64LittleEndian(entries[((i * EntrySize) + sizeof(uint))..], rest.WordAt(words[i]));
            }

            yield return record;
        }
    }

    /// <summary>Adds the pages that a record names to those that were named before.</summary>
    /// <param name="body">The record's body.</param>
    /// <param name="isAllowed">The pages that may be named.</param>
    /// <param name="rest">Where to.</param>
    /// <param name="type">The record's type.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public static void Decode(ReadOnlySpan<byte> body, PageBitmap isAllowed, PageBitmap rest, RecordType type = RecordType.Rest)
    {
        ArgumentNullException.ThrowIfNull(isAllowed);
        ArgumentNullException.ThrowIfNull(rest);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rest.PageCount, isAllowed.PageCount, nameof(rest));
        WireReader reader = new(type, body);
        int next = 0;
        for (int left = reader.ReadCount(Protocol.MaximumRestWords); left > 0; left--)
        {
            int word = reader.ReadCount(int.MaxValue);
            ulong bits = reader.ReadUInt64();
            if (word < next || word >= isAllowed.WordCount || (bits & ~isAllowed.WordAt(word)) != 0)
            {
                throw reader.Violation($"pages from {(long)word * WordPages} on that the domain does not have, or that are out of order");
            }

            rest.OrWord(word, bits);
            next = word + 1;
        }

        reader.ExpectEnd();
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Methods;

/// <summary>
/// What another tool must know to go on with a domain that comes in: which migration it is of, whom its source proved to be, and what the
/// source said of it. It is kept beside the domain's mark and goes with it.
/// </summary>
/// <param name="Session">The migration's id, the same at the source.</param>
/// <param name="Peer">Who the source is, as the transport proved it; null where it proved nothing. Nobody else may resume it.</param>
/// <param name="Source">Where it comes from, as <see cref="PeerName.Of"/> made it; null where nobody knows.</param>
/// <param name="Prepare">What the source said of the domain.</param>
internal sealed record ArrivalJournal(Guid Session, string? Peer, string? Source, PrepareRecord Prepare)
{
    private const string Title = "prerecord-arrival-1";
    private const string None = "-";
    private const int LongestLine = 1024;

    /// <summary>The journal as it is kept: a line of words, and behind it the records that say which domain comes, as they travel.</summary>
    /// <returns>What <see cref="Read"/> takes.</returns>
    public byte[] ToBytes()
    {
        byte[] line = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{Title} {Protocol.Version} {Session:N} {Peer ?? None} {Source ?? None}\n"));
        return [.. line, .. RecordCodec.EncodeAhead(Prepare).SelectMany(part => part), .. RecordCodec.Encode(Prepare)];
    }

    /// <summary>The journal that was kept. It may have been written by anybody: nothing of one that is not wholly one is believed.</summary>
    /// <param name="kept">What was kept.</param>
    /// <returns>Null where it is none, or of a version whose records are others.</returns>
    public static ArrivalJournal? Read(ReadOnlySpan<byte> kept)
    {
        int end = kept[..Math.Min(kept.Length, LongestLine)].IndexOf((byte)'\n');
        string[] words = end < 0 ? [] : Encoding.ASCII.GetString(kept[..end]).Split(' ');
        return words.Length == 5
            && words[0] == Title
            && words[1] == Protocol.Version.ToString(CultureInfo.InvariantCulture)
            && Guid.TryParseExact(words[2], "N", out Guid session)
            && IsName(words[3])
            && IsName(words[4])
            && ReadPrepare(kept[(end + 1)..]) is { } prepare
                ? new ArrivalJournal(session, NameOf(words[3]), NameOf(words[4]), prepare)
                : null;
    }

    private static bool IsName(string word) => word == None || PeerName.Read(word) is not null;

    private static string? NameOf(string word) => word == None ? null : word;

    private static PrepareRecord? ReadPrepare(ReadOnlySpan<byte> records)
    {
        ControlReader reader = ControlReader.AtDestination();
        try
        {
            while (records.Length >= Protocol.HeaderSize)
            {
                RecordType type = (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(records);
                int length = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
                records = records[Protocol.HeaderSize..];
                if (type is not (RecordType.PopulatedRanges or RecordType.Prepare) || (uint)length > (uint)records.Length)
                {
                    return null;
                }

                ControlRecord? record = reader.Read(type, records[..length]);
                records = records[length..];
                if (record is PrepareRecord prepare)
                {
                    return records.IsEmpty ? prepare : null;
                }
            }
        }
        catch (MigrationException)
        {
            // Not what this version wrote.
        }

        return null;
    }
}

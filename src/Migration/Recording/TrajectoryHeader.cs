using System.Text;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Recording;

/// <summary>The body of a trajectory file's header: all but the records.</summary>
internal sealed class TrajectoryHeader
{
    private TrajectoryHeader(PageBitmap populated, Dictionary<string, string> properties)
    {
        Populated = populated;
        Properties = properties;
    }

    public required TimeSpan EpochLength { get; init; }

    public required int EpochCount { get; init; }

    public required bool IsEpochOrdered { get; init; }

    public PageBitmap Populated { get; }

    public Dictionary<string, string> Properties { get; }

    public static byte[] Encode(TrajectoryDocument document)
    {
        AccessTrajectory trajectory = document.Trajectory;
        using MemoryStream body = new();
        Number(body, (ulong)trajectory.PageCount);
        Number(body, (ulong)trajectory.EpochLength.Ticks);
        Number(body, (ulong)trajectory.EpochCount);
        Number(body, trajectory.IsEpochOrdered ? 1UL : 0UL);
        Number(body, (ulong)document.Properties.Count);
        foreach ((string name, string value) in document.Properties.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Text(body, name);
            Text(body, value);
        }

        PageRange[] ranges = [.. document.Populated.Ranges()];
        Number(body, (ulong)ranges.Length);
        int end = 0;
        foreach (PageRange range in ranges)
        {
            Number(body, (ulong)(range.First - end));
            Number(body, (ulong)range.Count);
            end = range.End;
        }

        return body.ToArray();
    }

    /// <summary>Decodes a header's body.</summary>
    /// <param name="body">The bytes.</param>
    /// <param name="start">Where they stand in the file.</param>
    public static TrajectoryHeader Decode(ReadOnlySpan<byte> body, long start)
    {
        Reader reader = new(body, start);
        int pageCount = (int)reader.Number(TrajectoryFormat.MaximumPages);
        long ticks = (long)reader.Number(long.MaxValue, 1);
        int epochCount = (int)reader.Number(int.MaxValue);
        bool isEpochOrdered = reader.Number(1) == 1;
        Dictionary<string, string> properties = new(StringComparer.Ordinal);
        for (ulong left = reader.Number(int.MaxValue); left > 0; left--)
        {
            string name = reader.Text();
            properties[name] = reader.Text();
        }

        PageBitmap populated = new(pageCount);
        int end = 0;
        for (ulong left = reader.Number(int.MaxValue); left > 0; left--)
        {
            int first = end + (int)reader.Number((ulong)(pageCount - end));
            int count = (int)reader.Number((ulong)(pageCount - first));
            populated.SetRange(first, count);
            end = first + count;
        }

        reader.ExpectEnd();
        return new TrajectoryHeader(populated, properties)
        {
            EpochLength = new TimeSpan(ticks),
            EpochCount = epochCount,
            IsEpochOrdered = isEpochOrdered,
        };
    }

    private static void Number(MemoryStream body, ulong value)
    {
        Span<byte> bytes = stackalloc byte[VariableLength.MaximumSize];
        body.Write(bytes[..VariableLength.Write(bytes, value)]);
    }

    private static void Text(MemoryStream body, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Number(body, (ulong)bytes.Length);
        body.Write(bytes);
    }

    private ref struct Reader(ReadOnlySpan<byte> body, long start)
    {
        private readonly ReadOnlySpan<byte> _body = body;
        private ReadOnlySpan<byte> _rest = body;

        private readonly long Offset => start + _body.Length - _rest.Length;

        public ulong Number(ulong most, ulong least = 0)
        {
            long offset = Offset;
            return VariableLength.TryRead(ref _rest, out ulong value) && value >= least && value <= most
                ? value
                : throw TrajectoryFormat.Invalid(offset, "the header has a number that is not possible there");
        }

        public string Text()
        {
            int length = (int)Number((ulong)_rest.Length);
            ReadOnlySpan<byte> bytes = _rest.Length >= length
                ? _rest[..length]
                : throw TrajectoryFormat.Invalid(Offset, "the header ends within a text");
            _rest = _rest[length..];
            return ForeignText.Show(Encoding.UTF8.GetString(bytes));
        }

        public readonly void ExpectEnd()
        {
            if (!_rest.IsEmpty)
            {
                throw TrajectoryFormat.Invalid(Offset, "the header is longer than what it says");
            }
        }
    }
}

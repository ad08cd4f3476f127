using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Tests.Ordering;

namespace PreRecordMigration.Tests.Recording;

public sealed class TrajectoryFileTests
{
    [Fact]
    public void What_is_written_is_read_again()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            TrajectoryDocument document = Document(
                Trajectories.Random(seed, random.Next(1, 5000), random.Next(1, 8), random.Next(600)), random);
            AssertSame(document, TrajectoryReader.Read(new MemoryStream(Bytes(document))));
            Assert.Equal(Bytes(document), Bytes(document));
        }
    }

    [Fact]
    public void Many_blocks_and_the_greatest_numbers_are_read_again()
    {
        AccessRecord[] records = new AccessRecord[150_000];
        for (int i = 0; i < records.Length; i++)
        {
            records[i] = new AccessRecord(i * 3, i / 10, i % 2 == 0 ? 0 : i, (AccessKind)(i % 2));
        }

        records[^1] = new AccessRecord(int.MaxValue, int.MaxValue - 1, records.Length - 1, AccessKind.Write);
        AccessTrajectory trajectory = new(records, records.Length, TimeSpan.MaxValue, int.MaxValue, false);
        TrajectoryDocument document = Document(trajectory, new Random(1));
        byte[] bytes = Bytes(document);
        AssertSame(document, TrajectoryReader.Read(new MemoryStream(bytes)));
        Assert.True(bytes.Length < records.Length * 4, $"{bytes.Length} bytes");
    }

    [Fact]
    public void A_file_that_ends_at_any_byte_is_refused_with_the_offset()
    {
        byte[] bytes = Bytes(Small());
        for (int length = 0; length < bytes.Length; length++)
        {
            MigrationException error = Refuse(bytes[..length]);
            Assert.Contains($"at byte {length}: the file ends there", error.Message, StringComparison.Ordinal);
        }

        Assert.Contains(
            $"at byte {bytes.Length}: something follows", Refuse([.. bytes, 0]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_with_any_byte_changed_is_refused_with_an_offset()
    {
        byte[] bytes = Bytes(Small());
        for (int at = 0; at < bytes.Length; at++)
        {
            foreach (byte change in (byte[])[0x01, 0x80, 0xFF])
            {
                byte[] changed = [.. bytes];
                changed[at] ^= change;
                Assert.Matches(@"at byte \d+: ", Refuse(changed).Message);
            }
        }
    }

    [Fact]
    public void What_a_file_says_may_be_shown()
    {
        using MemoryStream file = new();
        TrajectoryWriter.Write(file, Document(Trajectories.Random(1, 10, 1, 10), new Random(1)) with
        {
            Properties = new Dictionary<string, string> { ["Domain\u009bName"] = "web\u001b[2J\u202e 名前" },
        });
        file.Position = 0;
        (string name, string value) = Assert.Single(TrajectoryReader.Read(file).Properties);
        Assert.Equal(@"Domain\u009BName", name);
        Assert.Equal(@"web\u001B[2J\u202E 名前", value);
    }

    [Fact]
    public void A_newer_version_is_refused_with_what_to_do()
    {
        byte[] bytes = Bytes(Small());
        bytes[8] = 2;
        MigrationException error = Refuse(bytes);
        Assert.Contains("at byte 8: its format is version 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("Update this module", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_that_were_exchanged_are_refused()
    {
        AccessRecord[] records = [.. Enumerable.Range(0, 2 * TrajectoryFormat.BlockRecords)
            .Select(i => new AccessRecord(i, 0, i, AccessKind.Read))];
        byte[] bytes = Bytes(Document(new AccessTrajectory(records, records.Length, TimeSpan.FromSeconds(1), 1, true), new Random(1)));
        int first = TrajectoryFormat.PreambleSize + BitConverter.ToInt32(bytes, 12) + TrajectoryFormat.CheckSize;
        int size = Size(first);
        byte[] exchanged =
        [
            .. bytes[..first], .. bytes[(first + size)..(first + size + Size(first + size))], .. bytes[first..(first + size)],
            .. bytes[(first + size + Size(first + size))..],
        ];
        Assert.Contains("SHA-256", Refuse(exchanged).Message, StringComparison.Ordinal);
        Assert.Contains(
            "says it has 131072 records, and has 65536",
            Refuse([.. bytes[..first], .. bytes[(first + size)..]]).Message,
            StringComparison.Ordinal);

        int Size(int block) =>
            TrajectoryFormat.BlockHeadSize + BitConverter.ToInt32(bytes, block + 9) + TrajectoryFormat.CheckSize;
    }

    [Fact]
    public void Csv_is_read_as_it_was_written()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            AccessTrajectory trajectory = Trajectories.Random(seed, 100_000, 5, 5000);
            using MemoryStream text = new();
            TrajectoryCsv.Write(text, trajectory);
            text.Position = 0;
            AccessTrajectory read = TrajectoryCsv.Read(text, trajectory.EpochLength, 100_000, trajectory.IsEpochOrdered);
            Assert.Equal(trajectory.Records, read.Records);
            Assert.Equal(
                (trajectory.PageCount, trajectory.EpochLength, trajectory.IsEpochOrdered),
                (read.PageCount, read.EpochLength, read.IsEpochOrdered));
        }
    }

    [Fact]
    public void Csv_needs_no_heading_and_no_last_line_end()
    {
        AccessTrajectory read = ReadCsv("0,7,1\r\n0,3,0\r\n\r\n2,9,0");
        Assert.Equal([new(0, 0, 7, AccessKind.Write), new(1, 0, 3, AccessKind.Read), new(2, 2, 9, AccessKind.Read)], read.Records);
        Assert.Equal((10, 3), (read.PageCount, read.EpochCount));
        Assert.Equal(0, ReadCsv(string.Empty).Count);
    }

    [Theory]
    [InlineData("epoch,pfn,write\n0,1,1\n0,x,1\n", 3, 22)]
    [InlineData("0,1,1\n0,1\n", 2, 6)]
    [InlineData("0,1,2\n", 1, 0)]
    [InlineData("0,1,1,1\n", 1, 0)]
    [InlineData("-1,1,1\n", 1, 0)]
    [InlineData("0,+1,1\n", 1, 0)]
    [InlineData("0,4294967296,1\n", 1, 0)]
    [InlineData("3,1,1\n2,1,1\n", 2, 6)]
    [InlineData("0,1,1\n0,50,1\n", 2, 6)]
    [InlineData("0,1,1\n\0\0\0", 2, 6)]
    public void Csv_that_is_wrong_is_refused_with_line_and_offset(string text, int line, int offset)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => ReadCsv(text, 50));
        Assert.Equal(MigrationErrorId.InvalidFile, error.ErrorId);
        Assert.Contains($"at byte {offset}: line {line} ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Csv_with_a_line_without_end_is_refused_before_it_is_read_to_the_end()
    {
        MigrationException error = Assert.Throws<MigrationException>(() => ReadCsv(new string('1', 1 << 20)));
        Assert.Contains("line 1 is longer", error.Message, StringComparison.Ordinal);
    }

    private static AccessTrajectory ReadCsv(string text, int? pageCount = null) => TrajectoryCsv.Read(
        new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)), TimeSpan.FromMilliseconds(100), pageCount);

    private static MigrationException Refuse(byte[] bytes)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => TrajectoryReader.Read(new MemoryStream(bytes)));
        Assert.Equal(MigrationErrorId.InvalidFile, error.ErrorId);
        Assert.NotEmpty(error.Remedy);
        return error;
    }

    private static TrajectoryDocument Small() => Document(Trajectories.Random(3, 400, 3, 60), new Random(3));

    private static TrajectoryDocument Document(AccessTrajectory trajectory, Random random)
    {
        PageBitmap populated = new(trajectory.PageCount);
        for (int pfn = 0; pfn < trajectory.PageCount; pfn += random.Next(1, 100))
        {
            populated.SetRange(pfn, Math.Min(random.Next(60), trajectory.PageCount - pfn));
        }

        return new TrajectoryDocument(
            trajectory, populated, new Dictionary<string, string> { ["DomainName"] = "web01", ["Ω"] = string.Empty });
    }

    private static byte[] Bytes(TrajectoryDocument document)
    {
        using MemoryStream stream = new();
        TrajectoryWriter.Write(stream, document);
        return stream.ToArray();
    }

    private static void AssertSame(TrajectoryDocument expected, TrajectoryDocument actual)
    {
        Assert.Equal(expected.Trajectory.Records, actual.Trajectory.Records);
        Assert.Equal(
            (expected.Trajectory.PageCount, expected.Trajectory.EpochLength, expected.Trajectory.EpochCount, expected.Trajectory.IsEpochOrdered),
            (actual.Trajectory.PageCount, actual.Trajectory.EpochLength, actual.Trajectory.EpochCount, actual.Trajectory.IsEpochOrdered));
        Assert.Equal(expected.Populated.Pfns(), actual.Populated.Pfns());
        Assert.Equal(expected.Properties.OrderBy(pair => pair.Key), actual.Properties.OrderBy(pair => pair.Key));
    }
}

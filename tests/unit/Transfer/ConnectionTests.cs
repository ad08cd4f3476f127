using PreRecordMigration.Errors;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transfer;

public sealed class ConnectionTests
{
    [Fact]
    public void Optional_records_of_unknown_type_are_passed_over()
    {
        using Connection connection = Over([.. Record(0x8001, Protocol.OptionalFlag, new byte[100_000]), .. RecordCodec.Encode(new CommitRecord())]);
        Assert.Equal(RecordType.Commit, connection.Receive(out ReadOnlySpan<byte> body));
        Assert.True(body.IsEmpty);
    }

    [Theory]
    [InlineData(0x8001, 0, 0u)]
    [InlineData(8, 2, 0u)]
    [InlineData(8, 0, Protocol.MaximumLength + 1u)]
    [InlineData(8, 0, uint.MaxValue)]
    [InlineData(0x4547, 0x2054, 0x50545448u)] // "GET HTTP…", a browser
    public void What_the_protocol_does_not_have_is_refused_before_a_byte_of_it_is_kept(int type, int flags, uint length)
    {
        byte[] header = Record((ushort)type, (ushort)flags, []);
        BitConverter.TryWriteBytes(header.AsSpan(4), length);
        using Connection connection = Over(header);
        Assert.Equal(
            MigrationErrorId.ProtocolViolation,
            Assert.Throws<MigrationException>(() => connection.Receive(out _)).ErrorId);
    }

    [Fact]
    public void A_stream_that_ends_within_a_record_is_a_lost_connection()
    {
        byte[] record = RecordCodec.Encode(new WelcomeRecord(1, 0));
        for (int length = 0; length < record.Length; length++)
        {
            using Connection connection = Over(record[..length]);
            Assert.Equal(
                MigrationErrorId.ConnectionLost,
                Assert.Throws<MigrationException>(() => connection.Receive(out _)).ErrorId);
        }
    }

    [Fact]
    public void An_address_beyond_loopback_is_refused_and_the_ways_named()
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => Route.Loopback(new System.Net.IPEndPoint(System.Net.IPAddress.Parse("192.0.2.1"), 8002)));
        Assert.Equal(MigrationErrorId.InvalidOption, error.ErrorId);
        Assert.Contains("-SshTarget", error.Remedy, StringComparison.Ordinal);
    }

    private static Connection Over(byte[] bytes) => new(new MemoryStream(bytes));

    private static byte[] Record(ushort type, ushort flags, byte[] body)
    {
        byte[] record = [0, 0, 0, 0, 0, 0, 0, 0, .. body];
        BitConverter.TryWriteBytes(record, type);
        BitConverter.TryWriteBytes(record.AsSpan(2), flags);
        BitConverter.TryWriteBytes(record.AsSpan(4), body.Length);
        return record;
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Moves whose pages are compressed.</summary>
public sealed class CompressionTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    /// <summary>A domain whose pages shrink to a quarter.</summary>
    private static readonly SimulatedDomainOptions s_repeating = MigrationFixture.Options() with { ContentPeriod = 1024 };

    [Theory]
    [InlineData(MigrationMethod.PreCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PostCopy, RecordingMode.Observe)]
    [InlineData(MigrationMethod.Hybrid, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Observe)]
    [InlineData(MigrationMethod.PreRecord, RecordingMode.Rollback)]
    public async Task A_domain_moves_to_the_byte_and_what_is_told_of_its_bytes_is_what_went(MigrationMethod method, RecordingMode mode)
    {
        await using MigrationFixture fixture = new(s_repeating with { VcpuCount = 2 });
        Sent sent = new();
        MigrationResult result = await fixture.MigrateAsync(
            MigrationFixture.Move(method, mode) with { Compression = PageCompression.Always, Trace = sent });
        await fixture.CheckMovedAsync();
        Assert.InRange(result.PageBytesSent, 1, result.PageBytes / 2);
        Assert.Equal(result.PageBytesSent, sent.Bytes("Pages") + sent.Bytes("CompressedPages"));
        Assert.True(sent.Bytes("CompressedPages") > 0);
        Assert.True(result.BytesSent > result.PageBytesSent);
        Assert.DoesNotContain(sent, step => step.Connection == "demand" && step.Name == nameof(RecordType.CompressedPages));
    }

    [Fact]
    public async Task A_limit_of_bandwidth_is_for_the_bytes_that_go_and_makes_compression_worth_it_by_itself()
    {
        await using MigrationFixture fixture = new(s_repeating);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { BandwidthLimit = 64 << 20 });
        await fixture.CheckMovedAsync();
        Assert.InRange(result.PageBytesSent, 1, result.PageBytes / 2);
    }

    [Fact]
    public async Task Nothing_is_compressed_where_that_was_chosen()
    {
        await using MigrationFixture fixture = new(s_repeating);
        Sent sent = new();
        MigrationResult result = await fixture.MigrateAsync(
            MigrationFixture.Move(MigrationMethod.PostCopy) with { Compression = PageCompression.Off, Trace = sent });
        await fixture.CheckMovedAsync();
        Assert.Equal(result.PageBytes, result.PageBytesSent);
        Assert.Equal(0, sent.Bytes("CompressedPages"));
    }

    [Theory]
    [InlineData(Protocol.ArrivalOfBoth, false)]
    [InlineData(Protocol.ArrivalOfBoth | Protocol.Compression, true)]
    [InlineData(ulong.MaxValue, true)]
    public async Task A_destination_that_does_not_say_it_can_gets_plain_pages(ulong capabilities, bool isCompressed)
    {
        await using MigrationFixture fixture = new(s_repeating);
        using ScriptedDestination destination = new() { Capabilities = capabilities };
        MigrationResult result = await MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback(destination.Endpoint),
            MigrationFixture.Move(MigrationMethod.PostCopy) with { Compression = PageCompression.Always },
            null,
            s_cancel);
        (int[] core, int[] pushed) = await destination.Received;
        Assert.Equal(fixture.Domain.PopulatedPages.Count, core.Length + pushed.Length);
        Assert.Equal(isCompressed, destination.PageRecords.Contains(RecordType.CompressedPages));
        Assert.Equal(!isCompressed, result.PageBytes == result.PageBytesSent);
    }

    [Fact]
    public async Task One_that_is_cut_and_resumed_goes_on_compressed_and_counts_all_that_went()
    {
        await using MigrationFixture fixture = new(s_repeating);
        fixture.Destination.Faults.Before(SimulatedCall.Place, 3, () => fixture.Receiver.Incoming.Single().Disconnect());
        Sent sent = new();
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { Compression = PageCompression.Always, Trace = sent }));
        long before = sent.Bytes("CompressedPages");
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        MigrationResult result = await interrupted.Migration.ResumeAsync(fixture.Route, null, s_cancel);
        await fixture.CheckMovedAsync();
        Assert.True(sent.Bytes("CompressedPages") > before);
        Assert.Equal(result.PageBytesSent, sent.Bytes("Pages") + sent.Bytes("CompressedPages"));
        Assert.True(result.PageBytes > result.PageBytesSent);
    }

    [Fact]
    public async Task A_source_whose_block_is_none_is_turned_away_before_anything_of_it_is_placed()
    {
        await using MigrationFixture fixture = new(s_repeating);
        Guid session = Guid.NewGuid();
        using Connection bulk = Open(fixture, ConnectionRole.Bulk, session);
        using Connection demand = Open(fixture, ConnectionRole.Demand, session);
        using ISourceDomain domain = fixture.Source.OpenSource(MigrationFixture.DomainName);
        DomainDescription description = domain.Describe();
        bool isWritten = false;
        fixture.Destination.Faults.Before(SimulatedCall.Write, 1, () => isWritten = true);
        bulk.Send(new PrepareRecord(description, PageArrival.BeforeRun));
        Assert.Equal(RecordType.Welcome, bulk.Receive(out _));
        Assert.Equal(RecordType.Prepared, bulk.Receive(out _));

        PageBatch batch = new();
        batch.Copy(RecordType.Pages, [description.Populated[0].First], Enumerable.Repeat((byte)7, Page.Size).ToArray());
        Assert.True(batch.TryShrink(out ReadOnlyMemory<byte> record));
        byte[] longer = [.. record.Span, 0];
        RecordCodec.WriteHeader(longer, RecordType.CompressedPages, longer.Length - Protocol.HeaderSize);
        bulk.Send(longer);
        AbortRecord abort = Assert.IsType<AbortRecord>(RecordCodec.Decode(bulk.Receive(out ReadOnlySpan<byte> body), body));
        Assert.Equal(MigrationErrorId.ProtocolViolation, abort.ErrorId);
        await Assert.Single(fixture.Receiver.Incoming).Ended;
        Assert.False(isWritten);
        Assert.Empty(fixture.Destination.GetDomains());
    }

    private static Connection Open(MigrationFixture fixture, ConnectionRole role, Guid session)
    {
        Connection connection = Connection.Open(fixture.Route, s_cancel);
        connection.Send(new HelloRecord(Protocol.Version, role, session, Protocol.Capabilities));
        return connection;
    }

    private sealed class Sent : List<MigrationTrace>, IProgress<MigrationTrace>
    {
        private readonly Lock _gate = new();

        public long Bytes(string type)
        {
            lock (_gate)
            {
                return this.Where(step => step.Kind == MigrationTraceKind.Sent && step.Name == type).Sum(step => (long)step.Bytes);
            }
        }

        public void Report(MigrationTrace value)
        {
            lock (_gate)
            {
                Add(value);
            }
        }
    }
}

using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>What a destination says that it has seen: it is bounded, and believed as far as it fits.</summary>
public sealed class ObservationsTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    public static TheoryData<string> Wrong => ["buckets", "vcpus", "vcpu twice", "vcpu beyond", "no length", "long length", "stretches", "stretch twice", "stretch beyond", "samples", "sample back"];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_too_much_or_out_of_order_is_a_violation(string wrong)
    {
        VcpuStall[] stalls = [.. Enumerable.Range(0, Protocol.MaximumVcpus + 2).Select(vcpu => new VcpuStall(Math.Min(vcpu, Protocol.MaximumVcpus - 1), 0, TimeSpan.Zero))];
        ObservationsRecord record = wrong switch
        {
            "buckets" => new(new long[Protocol.LatencyBuckets + 1], [], s_second, [], []),
            "vcpus" => new([], stalls, s_second, [], []),
            "vcpu twice" => new([], [stalls[1], stalls[1]], s_second, [], []),
            "vcpu beyond" => new([], [new VcpuStall(Protocol.MaximumVcpus, 0, TimeSpan.Zero)], s_second, [], []),
            "no length" => new([], [], TimeSpan.Zero, [], []),
            "long length" => new([], [], TimeSpan.MaxValue, [], []),
            "stretches" => new([], [], s_second, [.. Enumerable.Range(0, FaultDetails.MaximumIntervals + 1).Select(Stretch)], []),
            "stretch twice" => new([], [], s_second, [Stretch(1), Stretch(1)], []),
            "stretch beyond" => new([], [], s_second, [Stretch(FaultDetails.MaximumIntervals)], []),
            "samples" => new([], [], s_second, [], [.. Enumerable.Range(1, MigrationDetails.MaximumSamples + 1).Select(at => new ObservedSpeed(at * s_second, 0))]),
            _ => new([], [], s_second, [], [new ObservedSpeed(s_second, 0), new ObservedSpeed(s_second, 0)]),
        };
        MigrationException error = Assert.Throws<MigrationException>(() => Decode(RecordCodec.Encode(record)));
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
    }

    [Fact]
    public void An_older_source_passes_over_it() => Assert.Equal(
        Protocol.OptionalFlag, BinaryPrimitives.ReadUInt16LittleEndian(RecordCodec.Encode(new ObservationsRecord([], [], s_second, [], [])).AsSpan(2)));

    [Fact]
    public void Nothing_is_said_of_the_domain_before_all_of_it_is_there()
    {
        SourceSession session = new(new PrepareRecord(
            new DomainDescription("d", DomainKind.Simulated, 1, [], 1, ReadOnlyMemory<byte>.Empty), PageArrival.AfterRun));
        session.On(new SourceEvent.Received(new WelcomeRecord(Protocol.Version, Protocol.Capabilities)));
        session.On(new SourceEvent.Received(new ObservationsRecord([], [], s_second, [], [])));
        Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.IsType<SourceState.Aborted>(session.State).Error.ErrorId);
    }

    [Fact]
    public async Task An_older_destination_is_understood_and_one_that_says_more_than_there_were_is_not_believed()
    {
        // It says that seven faults waited, and no time in all.
        ObservationsRecord true7 = new([7], [new VcpuStall(0, 7, TimeSpan.Zero)], s_second, [Stretch(0) with { Faults = 7 }], []);
        (ObservationsRecord? Said, int Buckets)[] cases =
        [
            (null, 0),
            (true7, 1),
            (true7 with { Latencies = [8] }, 0),
            (true7 with { Latencies = [long.MaxValue, long.MaxValue] }, 0),
            (true7 with { Vcpus = [new VcpuStall(0, 8, TimeSpan.Zero)] }, 0),
            (true7 with { Vcpus = [new VcpuStall(0, 1, s_second)] }, 0),
            (true7 with { OverTime = [Stretch(0) with { Faults = 8 }] }, 0),
            (true7 with { OverTime = [Stretch(0) with { Stalled = s_second }] }, 0),
        ];
        foreach ((ObservationsRecord? said, int buckets) in cases)
        {
            await using MigrationFixture fixture = new();
            using ScriptedDestination destination = new() { Observations = said };
            MigrationResult result = await MigrationSource.MigrateAsync(
                fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(destination.Endpoint), MigrationFixture.Move(MigrationMethod.PostCopy), null,
                TestContext.Current.CancellationToken);
            await destination.Received;
            Assert.Empty(result.Problems);
            Assert.Equal(buckets, result.Details.Faults.Latencies.Count);
            Assert.Equal(buckets, result.Details.Faults.Vcpus.Count);
            Assert.Equal(buckets, result.Details.Faults.OverTime.Count);
        }
    }

    private static FaultInterval Stretch(int number) => new(number * s_second, s_second, 0, TimeSpan.Zero);

    private static ControlRecord Decode(byte[] record) => RecordCodec.Decode(RecordType.Observations, record.AsSpan(Protocol.HeaderSize));
}

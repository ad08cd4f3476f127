using System.Buffers.Binary;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class RecordCodecTests
{
    public static TheoryData<string> Names => [.. Samples().Select(sample => sample.GetType().Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_record_survives_the_wire(string name)
    {
        ControlRecord record = Sample(name);
        byte[] encoded = RecordCodec.Encode(record);
        ControlRecord decoded = Decode(encoded);
        Assert.IsType(record.GetType(), decoded);
        Assert.Equal(encoded, RecordCodec.Encode(decoded));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_truncated_or_extended_body_is_a_protocol_violation(string name)
    {
        byte[] encoded = RecordCodec.Encode(Sample(name));
        byte[] longer = [.. encoded, 0];
        Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => Decode(longer)).ErrorId);
        for (int length = Protocol.HeaderSize; length < encoded.Length; length++)
        {
            byte[] shorter = encoded[..length];
            Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.Throws<MigrationException>(() => Decode(shorter)).ErrorId);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Mutated_bodies_decode_or_are_refused_and_never_do_anything_else(string name)
    {
        byte[] encoded = RecordCodec.Encode(Sample(name));
        Random random = new(20);
        for (int round = 0; round < 2000 && encoded.Length > Protocol.HeaderSize; round++)
        {
            byte[] mutated = [.. encoded];
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                mutated[random.Next(Protocol.HeaderSize, mutated.Length)] = (byte)random.Next(256);
            }

            try
            {
                Decode(mutated);
            }
            catch (MigrationException e)
            {
                Assert.Equal(MigrationErrorId.ProtocolViolation, e.ErrorId);
            }
        }
    }

    [Fact]
    public void A_prepare_record_whose_ranges_overlap_or_leave_the_domain_is_refused()
    {
        foreach (PageRange[] ranges in (PageRange[][])[[new(0, 4), new(3, 2)], [new(8, 9)], [new(4, 1), new(0, 1)], [new(int.MaxValue, 1)]])
        {
            byte[] encoded = RecordCodec.Encode(new PrepareRecord(Description(ranges), PageArrival.AfterRun));
            Assert.Contains("range", Assert.Throws<MigrationException>(() => Decode(encoded)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_error_id_of_a_newer_version_reads_as_the_peers_abort()
    {
        byte[] encoded = RecordCodec.Encode(new AbortRecord((MigrationErrorId)999, "message", "remedy"));
        Assert.Equal(new AbortRecord(MigrationErrorId.AbortedByPeer, "message", "remedy"), Decode(encoded));
    }

    private static ControlRecord Decode(byte[] record) => RecordCodec.Decode(
        (RecordType)BinaryPrimitives.ReadUInt16LittleEndian(record), record.AsSpan(Protocol.HeaderSize));

    private static ControlRecord Sample(string name) => Samples().First(sample => sample.GetType().Name == name);

    private static DomainDescription Description(PageRange[] ranges) =>
        new("web01", DomainKind.Pvh, 16, ranges, 2, new byte[] { 1, 2, 3 });

    private static IEnumerable<ControlRecord> Samples()
    {
        FaultLatency latency = new(
            TimeSpan.FromTicks(1), TimeSpan.FromTicks(2), TimeSpan.FromTicks(3), TimeSpan.FromTicks(4), TimeSpan.FromTicks(5));
        yield return new HelloRecord(Protocol.Version, ConnectionRole.Demand, Guid.Parse("b5a39b29-3c9c-4d6c-8f5e-0a3f2d1c4b5a"), 7);
        yield return new WelcomeRecord(Protocol.Version, 9);
        yield return new PrepareRecord(Description([new(0, 3), new(5, 11)]), PageArrival.AfterRun);
        yield return new PreparedRecord();
        yield return new CoreStateRecord(
            4,
            2,
            [new VcpuState(0, 0x1000, PagingMode.FourLevel), new VcpuState(1, ulong.MaxValue, PagingMode.None)],
            [new CoreStateSection(CoreStateKind.Tsc, new byte[] { 1 }), new CoreStateSection((CoreStateKind)99, ReadOnlyMemory<byte>.Empty)]);
        PageBitmap missing = new(21);
        missing.SetRange(3, 2);
        missing.TrySet(20);
        yield return new ResumeRecord(ResumePosition.Paused, missing);
        yield return new ResumedRecord();
        yield return new RestoredRecord();
        yield return new CommitRecord();
        yield return new RunningRecord();
        yield return new HandoverTimesRecord(TimeSpan.FromMilliseconds(3), TimeSpan.Zero, TimeSpan.MaxValue);
        yield return new ObservationsRecord(
            [1, 0, long.MaxValue],
            [new VcpuStall(3, 4, TimeSpan.FromTicks(5)), new VcpuStall(-1, 1, TimeSpan.Zero)],
            TimeSpan.FromTicks(7),
            [new FaultInterval(TimeSpan.Zero, TimeSpan.FromTicks(7), 2, TimeSpan.FromTicks(1)), new FaultInterval(TimeSpan.FromTicks(255 * 7), TimeSpan.FromTicks(7), 3, TimeSpan.Zero)],
            [new ObservedSpeed(TimeSpan.FromTicks(1), 0), new ObservedSpeed(TimeSpan.FromTicks(9), 5)]);
        yield return new PushCompleteRecord();
        yield return new CompleteRecord(12, latency, 3);
        yield return new ReleasedRecord();
        yield return new AbortRecord(MigrationErrorId.OutOfMemory, "nicht genug Speicher: 1 °", "free some");
        yield return new VerdictRecord(new AdmissionVerdict(
            "/etc/prerecord/policy.json", [new AdmissionRefusal("b_info.kernel", "It is not let in.", "\"kernels\": [\"/boot/k\"]")]));
        yield return new SettledRecord("web01--incoming", new AbortRecord(MigrationErrorId.DomainExists, "The name is taken.", "Rename it."));
    }
}

using System.Buffers;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Transfer;

/// <content>What a destination has seen of the domain. All lists are bounded and ascending, and nothing is twice in one.</content>
public static partial class RecordCodec
{
    /// <summary>The number of who is no vCPU, and of those that are not counted each by itself.</summary>
    private const ushort OtherVcpus = ushort.MaxValue;

    private static void WriteObservations(ArrayBufferWriter<byte> writer, ObservationsRecord observations)
    {
        Put(writer, (ushort)observations.Latencies.Count);
        foreach (long count in observations.Latencies)
        {
            Put(writer, (ulong)count);
        }

        Put(writer, (ushort)observations.Vcpus.Count);
        foreach (VcpuStall stall in observations.Vcpus)
        {
            Put(writer, stall.Vcpu < 0 ? OtherVcpus : (ushort)stall.Vcpu);
            Put(writer, (ulong)stall.Faults);
            Put(writer, (ulong)stall.Stalled.Ticks);
        }

        Put(writer, (ulong)observations.IntervalLength.Ticks);
        Put(writer, (ushort)observations.OverTime.Count);
        foreach (FaultInterval interval in observations.OverTime)
        {
            Put(writer, (ushort)(interval.Start.Ticks / observations.IntervalLength.Ticks));
            Put(writer, (ulong)interval.Faults);
            Put(writer, (ulong)interval.Stalled.Ticks);
        }

        Put(writer, (ushort)observations.Speed.Count);
        foreach (ObservedSpeed sample in observations.Speed)
        {
            Put(writer, (ulong)sample.At.Ticks);
            Put(writer, (ulong)sample.Milli);
        }
    }

    private static ObservationsRecord ReadObservations(ref WireReader reader)
    {
        long[] latencies = new long[ReadShortCount(ref reader, Protocol.LatencyBuckets)];
        for (int i = 0; i < latencies.Length; i++)
        {
            latencies[i] = ReadNumber(ref reader);
        }

        VcpuStall[] vcpus = new VcpuStall[ReadShortCount(ref reader, Protocol.MaximumVcpus + 1)];
        int least = 0;
        for (int i = 0; i < vcpus.Length; i++)
        {
            int number = reader.ReadUInt16();
            if (number < least || (number >= Protocol.MaximumVcpus && number != OtherVcpus))
            {
                throw reader.Violation($"vCPU {number} where one from {least} on must be");
            }

            vcpus[i] = new VcpuStall(number == OtherVcpus ? -1 : number, ReadNumber(ref reader), ReadTime(ref reader));
            least = number + 1;
        }

        TimeSpan length = ReadTime(ref reader);
        if (length <= TimeSpan.Zero || length > TimeSpan.MaxValue / FaultDetails.MaximumIntervals)
        {
            throw reader.Violation($"stretches of {length.Ticks} x 100 ns");
        }

        FaultInterval[] intervals = new FaultInterval[ReadShortCount(ref reader, FaultDetails.MaximumIntervals)];
        least = 0;
        for (int i = 0; i < intervals.Length; i++)
        {
            int number = reader.ReadUInt16();
            if (number < least || number >= FaultDetails.MaximumIntervals)
            {
                throw reader.Violation($"stretch {number} where one from {least} on must be");
            }

            intervals[i] = new FaultInterval(number * length, length, ReadNumber(ref reader), ReadTime(ref reader));
            least = number + 1;
        }

        ObservedSpeed[] speed = new ObservedSpeed[ReadShortCount(ref reader, MigrationDetails.MaximumSamples)];
        TimeSpan before = TimeSpan.Zero;
        for (int i = 0; i < speed.Length; i++)
        {
            speed[i] = new ObservedSpeed(ReadTime(ref reader), ReadNumber(ref reader));
            if (speed[i].At <= before)
            {
                throw reader.Violation($"a sample of the speed that is not after the one before it");
            }

            before = speed[i].At;
        }

        return new ObservationsRecord(latencies, vcpus, length, intervals, speed);
    }

    private static int ReadShortCount(ref WireReader reader, int maximum)
    {
        ushort count = reader.ReadUInt16();
        return count <= maximum ? count : throw reader.Violation($"a count of {count}, more than {maximum}");
    }
}

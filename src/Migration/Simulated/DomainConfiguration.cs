using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Recording;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>
/// A simulated domain's configuration as it travels: a version, the guest's identity and its options, in the order below;
/// little-endian, strings and records preceded by their count.
/// </summary>
internal static class DomainConfiguration
{
    private const int Version = 3;
    private const int LongestName = 255;
    private const long None = -1;

    public static byte[] Write(Guid identity, SimulatedDomainOptions options)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream, Encoding.UTF8);
        writer.Write(Version);
        writer.Write(identity.ToByteArray());
        byte[] name = Encoding.UTF8.GetBytes(options.Name);
        writer.Write(name.Length);
        writer.Write(name);
        writer.Write((int)options.Workload);
        writer.Write(options.MemoryBytes);
        writer.Write(options.UsedBytes ?? None);
        writer.Write(options.VcpuCount);
        writer.Write(options.Seed);
        writer.Write(options.OperationsPerSecond);
        writer.Write(options.WorkingSetBytes ?? None);
        writer.Write(options.WritePercent);
        writer.Write(options.ContentPeriod);
        writer.Write(options.ProcessCount);
        writer.Write(options.OutputInterval);
        writer.Write(options.FreeRunning);
        writer.Write(options.IsPaced);
        writer.Write(options.StopAtOperations ?? None);
        writer.Write(options.RefusesSuspend);
        writer.Write(options.HasIsolableOutputs);
        WriteReplay(writer, options.Replay);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads a configuration, which comes from outside.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>.</exception>
    public static (Guid Identity, SimulatedDomainOptions Options) Read(ReadOnlyMemory<byte> configuration, string domainName)
    {
        try
        {
            using BinaryReader reader = new(new MemoryStream(configuration.ToArray()), Encoding.UTF8);
            int version = reader.ReadInt32();
            if (version != Version)
            {
                throw new InvalidDataException($"version {version} instead of {Version}");
            }

            Guid identity = new(ReadBytes(reader, 16));
            SimulatedDomainOptions options = new()
            {
                Name = Encoding.UTF8.GetString(ReadBytes(reader, ReadCount(reader, LongestName, "bytes of its name"))),
                Workload = (GuestWorkloadKind)reader.ReadInt32(),
                MemoryBytes = reader.ReadInt64(),
                UsedBytes = ReadOptional(reader),
                VcpuCount = reader.ReadInt32(),
                Seed = reader.ReadUInt64(),
                OperationsPerSecond = reader.ReadInt64(),
                WorkingSetBytes = ReadOptional(reader),
                WritePercent = reader.ReadInt32(),
                ContentPeriod = reader.ReadInt32(),
                ProcessCount = reader.ReadInt32(),
                OutputInterval = reader.ReadInt32(),
                FreeRunning = reader.ReadBoolean(),
                IsPaced = reader.ReadBoolean(),
                StopAtOperations = ReadOptional(reader),
                RefusesSuspend = reader.ReadBoolean(),
                HasIsolableOutputs = reader.ReadBoolean(),
                Replay = ReadReplay(reader, configuration.Length),
            };
            if (reader.BaseStream.Position != configuration.Length)
            {
                throw new InvalidDataException("bytes after its end");
            }

            options.Validate();
            return (identity, options);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or ArgumentException or MigrationException)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The configuration for domain {domainName} is not one of a simulated domain: {error.Message}",
                "Use the same version of the module on both sides.", domainName, error);
        }
    }

    private static void WriteReplay(BinaryWriter writer, AccessTrajectory? trajectory)
    {
        writer.Write(trajectory?.Count ?? 0);
        if (trajectory is null)
        {
            return;
        }

        writer.Write(trajectory.PageCount);
        writer.Write(trajectory.EpochLength.Ticks);
        writer.Write(trajectory.EpochCount);
        writer.Write(trajectory.IsEpochOrdered);
        foreach (AccessRecord record in trajectory.Records)
        {
            writer.Write(record.Sequence);
            writer.Write(record.Epoch);
            writer.Write(record.Pfn);
            writer.Write((byte)record.Kind);
        }
    }

    private static AccessTrajectory? ReadReplay(BinaryReader reader, int limit)
    {
        int count = ReadCount(reader, limit, "records");
        if (count == 0)
        {
            return null;
        }

        int pageCount = reader.ReadInt32();
        TimeSpan epochLength = TimeSpan.FromTicks(reader.ReadInt64());
        int epochCount = reader.ReadInt32();
        bool isEpochOrdered = reader.ReadBoolean();
        AccessRecord[] records = new AccessRecord[count];
        for (int i = 0; i < count; i++)
        {
            records[i] = new AccessRecord(
                reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), (AccessKind)reader.ReadByte());
        }

        return new AccessTrajectory(records, pageCount, epochLength, epochCount, isEpochOrdered);
    }

    private static long? ReadOptional(BinaryReader reader) => reader.ReadInt64() is var value and not None ? value : null;

    private static int ReadCount(BinaryReader reader, int limit, string what)
    {
        int count = reader.ReadInt32();
        return count >= 0 && count <= limit ? count : throw new InvalidDataException($"{count} {what}");
    }

    private static byte[] ReadBytes(BinaryReader reader, int count)
    {
        byte[] bytes = reader.ReadBytes(count);
        return bytes.Length == count ? bytes : throw new EndOfStreamException("it ends too early");
    }
}

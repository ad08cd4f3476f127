using System.Diagnostics;
using System.Net;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>What a process holds does not grow with the migrations that it has done. It runs alone in the process, because it counts what
/// the whole process holds.</summary>
[Collection(nameof(Alone))]
public sealed class ManyMigrationsTests
{
    private const int Warm = 40;
    private const int All = 240;

    [Fact]
    public async Task Two_hundred_migrations_in_a_row_hold_threads_handles_and_memory_flat()
    {
        using SimulatedHost first = new("xen1");
        using SimulatedHost second = new("xen2");
        await using MigrationReceiver intoFirst = MigrationReceiver.Start(first, new IPEndPoint(IPAddress.Loopback, 0));
        await using MigrationReceiver intoSecond = MigrationReceiver.Start(second, new IPEndPoint(IPAddress.Loopback, 0));
        first.CreateDomain(new SimulatedDomainOptions
        {
            Name = "web01",
            MemoryBytes = 1L << 20,
            OperationsPerSecond = 20_000,
            IsPaced = false,
            StopAtOperations = 0,
        });
        MatrixCase[] ways = [.. MatrixCase.Plain];
        Held warm = default;
        for (int i = 0; i < All; i++)
        {
            (SimulatedHost from, MigrationReceiver into) = i % 2 == 0 ? (first, intoSecond) : (second, intoFirst);
            await MigrationSource.MigrateAsync(
                from.OpenSource("web01"),
                Route.Loopback(into.Endpoint),
                new MigrationOptions
                {
                    Method = ways[i % ways.Length].Method,
                    Mode = ways[i % ways.Length].Mode,
                    RemotePF = ways[i % ways.Length].RemotePF,
                    Window = TimeSpan.FromMilliseconds(5),
                    Epoch = TimeSpan.FromMilliseconds(5),
                },
                null,
                TestContext.Current.CancellationToken);
            await into.Incoming[^1].Ended;
            if (i + 1 == Warm)
            {
                warm = Held.Now();
            }
        }

        // If each migration left a single thing, there would be two hundred; the guest itself has a megabyte.
        Held end = Held.Now();
        Assert.InRange(end.Threads, 0, warm.Threads + 20);
        Assert.InRange(end.Handles, 0, warm.Handles + 20);
        Assert.InRange(end.Bytes, 0, warm.Bytes + (8 << 20));
    }

    private readonly record struct Held(int Threads, int Handles, long Bytes)
    {
        public static Held Now()
        {
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            using Process self = Process.GetCurrentProcess();
            int handles = OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : self.HandleCount;
            return new Held(self.Threads.Count, handles, GC.GetTotalMemory(forceFullCollection: true));
        }
    }
}

/// <summary>Tests beside which no others run.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

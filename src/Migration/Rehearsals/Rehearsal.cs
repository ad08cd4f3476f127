using System.Collections.Concurrent;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Simulated.Guest;
using PreRecordMigration.Telemetry;

namespace PreRecordMigration.Rehearsals;

/// <summary>
/// Has this process do what it is about to do with a domain once before, so that nothing of it is done for the first time while that domain stands still:
/// a small simulated domain moves by the same method, by the engine's own sessions, threads, codecs and custody, between two simulated hosts that only the
/// rehearsal knows, and is thrown away. No other domain and no setting is touched; in Rollback the originals of some pages lie in the runtime folder meanwhile, as
/// those of every recording, and whoever opens a domain next takes them away where this process is killed.
/// </summary>
public static class Rehearsal
{
    private const long HostBytes = 64L << 20;
    private const long DomainBytes = 4L << 20;

    private static readonly ConcurrentDictionary<(MigrationMethod Method, RecordingMode? Mode), Lazy<Task<Exception?>>> s_rehearsed = new();

    /// <summary>Rehearses a method on a thread of its own, once in this process.</summary>
    /// <param name="method">How memory will travel.</param>
    /// <param name="mode">What a recording will do; it counts with <see cref="MigrationMethod.PreRecord"/> alone.</param>
    /// <returns>Done when the rehearsal has ended, with what failed; null where nothing did. It never fails itself.</returns>
    public static Task<Exception?> Begin(MigrationMethod method, RecordingMode mode)
    {
        RecordingMode? recorded = method == MigrationMethod.PreRecord ? mode : null;
        return s_rehearsed.GetOrAdd((method, recorded), key => new Lazy<Task<Exception?>>(() => Start(() => Run(key.Method, key.Mode)))).Value;
    }

    /// <summary>Does something on a thread of its own.</summary>
    /// <returns>What it threw; null where nothing was thrown.</returns>
    internal static Task<Exception?> Start(Action rehearse)
    {
        TaskCompletionSource<Exception?> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            Thread thread = new(() =>
            {
                MigrationSpans.IsHidden = true;
                ended.SetResult(Catch(rehearse));
            })
            {
                IsBackground = true,
                Name = "rehearsal",
            };
            thread.Start();
        }
#pragma warning disable CA1031 // A process that can make no thread has not rehearsed, and what it does next says so itself.
        catch (Exception error)
#pragma warning restore CA1031
        {
            ended.SetResult(error);
        }

        return ended.Task;
    }

    private static Exception? Catch(Action rehearse)
    {
        try
        {
            rehearse();
            return null;
        }
#pragma warning disable CA1031 // Whatever a rehearsal fails with, the move goes on without it.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return error;
        }
    }

    private static void Run(MigrationMethod method, RecordingMode? mode)
    {
        using SimulatedHost source = new("rehearsal", new SimulatedHostOptions { MemoryBytes = HostBytes });
        using SimulatedHost destination = new("rehearsal's destination", new SimulatedHostOptions { MemoryBytes = HostBytes });
        MigrationReceiver receiver = MigrationReceiver.StartPrivate(destination);
        try
        {
            SimulatedDomain domain = source.CreateDomain(new SimulatedDomainOptions { Name = "rehearsal", MemoryBytes = DomainBytes, FreeRunning = true });
            MigrationOptions options = new()
            {
                Method = method,
                Mode = mode ?? RecordingMode.Observe,
                Window = TimeSpan.FromMilliseconds(20),
                Epoch = TimeSpan.FromMilliseconds(10),
            };
            MigrationSource.MigrateAsync(source.OpenSource(domain.Name), receiver.Route, options, null, CancellationToken.None).GetAwaiter().GetResult();
        }
        finally
        {
            receiver.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}

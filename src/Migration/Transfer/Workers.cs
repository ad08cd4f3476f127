using System.Collections.Concurrent;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Transfer;

/// <summary>The named threads of one side of a migration. What one throws is handed on, never lost; all are joined.</summary>
/// <param name="onFailure">Gets what a thread threw, on that thread. Cancellation through <see cref="Token"/> is not a failure.</param>
/// <param name="lastResort">Where telling of a failure fails, too, ends the migration by closing its connections; throws nothing.</param>
public sealed class Workers(Action<Exception> onFailure, Action lastResort) : IDisposable
{
    private readonly ConcurrentBag<Thread> _threads = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Cancelled by <see cref="Stop"/>.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Starts a thread for whose work vCPUs stand still: it goes before others where processors are short.</summary>
    /// <param name="name">Its name in debuggers and traces.</param>
    /// <param name="body">Its work.</param>
    public Thread StartFirst(string name, Action<CancellationToken> body) => Start(name, token =>
    {
        ThreadUrgency.GoFirst();
        body(token);
    });

    /// <summary>Starts a thread.</summary>
    /// <param name="name">Its name in debuggers and traces.</param>
    /// <param name="body">Its work.</param>
    public Thread Start(string name, Action<CancellationToken> body)
    {
        Thread thread = new(() => Run(body)) { Name = name, IsBackground = true };

        // A thread that could not be started must not be joined.
        thread.Start();
        _threads.Add(thread);
        return thread;
    }

    /// <summary>Asks every thread to end, without waiting.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Waits until every thread has ended.</summary>
    public void Join()
    {
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    /// <summary>Waits until every thread has ended, or for so long in all.</summary>
    /// <returns>Whether all have ended.</returns>
    public bool Join(TimeSpan patience)
    {
        long start = TimeProvider.System.GetTimestamp();
        foreach (Thread thread in _threads)
        {
            TimeSpan left = patience - TimeProvider.System.GetElapsedTime(start);
            if (!thread.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Stops and joins.</summary>
    public void Dispose()
    {
        Stop();
        Join();
        _stop.Dispose();
    }

    private void Run(Action<CancellationToken> body)
    {
        try
        {
            body(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The thread was asked to end, and did.
        }
#pragma warning disable CA1031 // Whatever a thread throws must reach the migration's one abort path.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Tell(e);
        }
    }

    private void Tell(Exception failure)
    {
        try
        {
            onFailure(failure);
        }
#pragma warning disable CA1031 // Who is told of a failure may fail too, and that must end the migration, not the process.
        catch (Exception)
#pragma warning restore CA1031
        {
            lastResort();
        }
    }
}

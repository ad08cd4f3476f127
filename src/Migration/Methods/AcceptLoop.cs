using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace PreRecordMigration.Methods;

/// <summary>
/// Takes connections one after another, for as long as it is not ended. Where one cannot be taken, as where descriptors have run out, the
/// next try would fail at once: the loop waits, longer each time, and after a success it waits no more.
/// </summary>
/// <param name="accept">Waits for the next connection.</param>
/// <param name="take">Takes it over.</param>
/// <param name="failed">Told of the first of several failures in a row.</param>
/// <param name="makeRoom">Lets go of what is not needed, so that the next try may succeed.</param>
/// <param name="clock">Measures the waits.</param>
[SuppressMessage("Design", "CA1001", Justification = "Its token is cancelled at the end, and holds nothing else.")]
internal sealed class AcceptLoop(
    Func<Socket> accept, Action<Socket> take, Action<Exception> failed, Action makeRoom, TimeProvider clock)
{
    /// <summary>The first wait; each further one is twice as long.</summary>
    internal static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait.</summary>
    internal static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _end = new();

    /// <summary>Takes connections until it is ended.</summary>
    public void Run()
    {
        TimeSpan pause = TimeSpan.Zero;
        while (!_end.IsCancellationRequested)
        {
            try
            {
                take(accept());
                pause = TimeSpan.Zero;
            }
#pragma warning disable CA1031 // The last resort of the thread that accepts: one connection, or one moment without descriptors, is no end.
            catch (Exception error)
#pragma warning restore CA1031
            {
                if (_end.IsCancellationRequested)
                {
                    return;
                }

                if (pause == TimeSpan.Zero)
                {
                    failed(error);
                }

                makeRoom();
                pause = pause == TimeSpan.Zero ? FirstPause : pause * 2 < LongestPause ? pause * 2 : LongestPause;
                Wait(pause);
            }
        }
    }

    /// <summary>Ends the loop. A wait for a connection is not woken by this; closing the listener does that.</summary>
    public void End() => _end.Cancel();

    private void Wait(TimeSpan pause)
    {
        try
        {
            Task.Delay(pause, clock, _end.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // The loop was ended during the pause.
        }
    }
}

using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Measuring;

/// <summary>How a domain is asked from outside whether it answers.</summary>
public enum ProbeKind : long
{
    /// <summary>A new TCP connection each time: TCP repeats what it does not hear of after a second, so that many are opened beside each other.</summary>
    Connect,

    /// <summary>A byte on one TCP connection, which an echo service sends back: as long as an application waits that talks already. TCP doubles the time
    /// between its repetitions, which is in the figure.</summary>
    Echo,
}

/// <summary>
/// Asks a service of a domain over the network, from outside, over and over: the longest time without an answer is what a client sees of a move. The figure is no
/// finer than the time between two questions.
/// </summary>
public sealed class OutsideProbe : IAsyncDisposable
{
    /// <summary>From one question to the next.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    /// <summary>How long an answer is waited for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>Questions that wait at most.</summary>
    private const int MostWaiting = 400;

    private readonly CancellationTokenSource _ended = new();
    private readonly IPEndPoint _endpoint;
    private readonly Task _work;
    private int _waiting;

    /// <summary>Begins to ask.</summary>
    /// <param name="endpoint">The service.</param>
    /// <param name="kind">How it is asked.</param>
    /// <param name="clock">Measures the time.</param>
    internal OutsideProbe(IPEndPoint endpoint, ProbeKind kind, TimeProvider clock)
    {
        _endpoint = endpoint;
        Gaps = new GapClock(clock);
        _work = Task.Run(() => kind == ProbeKind.Echo ? EchoAsync() : ConnectAsync());
    }

    /// <summary>The longest time without an answer.</summary>
    internal GapClock Gaps { get; }

    /// <summary>Understands HOST:PORT, and finds the address of a name, once: it must not change because a name does.</summary>
    /// <param name="text">What was given.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static IPEndPoint Parse(string text)
    {
        if (!HostAddress.TryParse(text, out HostAddress? host, out int? port, out string problem) || port is null)
        {
            throw Invalid(text, port is null && problem.Length == 0 ? "it has no port" : problem);
        }

        try
        {
            IPAddress? address = host!.Address ?? Dns.GetHostAddresses(host.ToString()).FirstOrDefault();
            return new IPEndPoint(address ?? throw Invalid(text, "it has no address"), port.Value);
        }
        catch (SocketException error)
        {
            throw Invalid(text, error.Message);
        }

        static MigrationException Invalid(string text, string problem) => new(
            MigrationErrorId.InvalidOption, $"'{text}' cannot be asked whether it answers: {problem}.", "Give a service of the domain's, such as 10.0.0.7:22.", text);
    }

    /// <summary>Asks no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        try
        {
            await _work.ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // That is how it ends.
            return;
        }
        finally
        {
            // A question that still waits finds it gone, and gives up.
            _ended.Dispose();
        }
    }

    private async Task ConnectAsync()
    {
        using PeriodicTimer timer = new(Interval);
        while (await timer.WaitForNextTickAsync(_ended.Token).ConfigureAwait(false))
        {
            if (Volatile.Read(ref _waiting) < MostWaiting)
            {
                _ = AskAsync();
            }
        }
    }

    private async Task AskAsync()
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            using Socket socket = new(_endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
            patience.CancelAfter(s_patience);
            await socket.ConnectAsync(_endpoint, patience.Token).ConfigureAwait(false);
            Gaps.Sign();
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // No answer: the gap grows.
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async Task EchoAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            try
            {
                using Socket socket = new(_endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
                await socket.ConnectAsync(_endpoint, over.Token).ConfigureAwait(false);
                Task hearing = HearAsync(socket, over);
                using PeriodicTimer timer = new(Interval);
                while (await timer.WaitForNextTickAsync(over.Token).ConfigureAwait(false))
                {
                    await socket.SendAsync(new byte[] { (byte)'.' }, over.Token).ConfigureAwait(false);
                }

                await hearing.ConfigureAwait(false);
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException && !_ended.IsCancellationRequested)
            {
                // The connection was lost: another one is opened.
                await Task.Delay(Interval, _ended.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task HearAsync(Socket socket, CancellationTokenSource over)
    {
        byte[] heard = new byte[256];
        try
        {
            while (await socket.ReceiveAsync(heard, over.Token).ConfigureAwait(false) > 0)
            {
                Gaps.Sign();
            }
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever sends notices it, too.
        }

        try
        {
            await over.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // It is over already.
        }
    }
}

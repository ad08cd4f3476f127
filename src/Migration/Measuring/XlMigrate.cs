using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Measuring;

/// <summary>What a move by <c>xl migrate</c> took.</summary>
/// <param name="Total">From its start to its end.</param>
/// <param name="Downtime">From the guest being asked to suspend until the receiver said that it runs there; null where xl did not say so.</param>
internal sealed record XlMove(TimeSpan Total, TimeSpan? Downtime);

/// <summary>Moves a domain by <c>xl migrate</c>, as an administrator does, and reads in its words when the domain stood still.</summary>
/// <param name="program">xl's path.</param>
/// <param name="clock">Measures the time.</param>
internal sealed class XlMigrate(string program, TimeProvider clock)
{
    /// <summary>What it runs instead of ssh where the domain goes to the host that it is on.</summary>
    public const string SameHost = "xl migrate-receive";

    private const int LongestLine = 1000;
    private const int LastLines = 12;

    /// <summary>How long one that was killed is waited for.</summary>
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(10);

    /// <summary>Finds this host's xl.</summary>
    /// <exception cref="MigrationException">It has none.</exception>
    public static XlMigrate Find() => new(
        SystemProgram.Find("xl") ?? throw new MigrationException(
            MigrationErrorId.NotSupported, "This host has no xl.", "Install the tools of this host's Xen, or leave XlMigrate out of -Method.", "xl"),
        TimeProvider.System);

    /// <summary>Moves a domain.</summary>
    /// <param name="id">The domain's number: xl would take a name of digits for one.</param>
    /// <param name="receiver">The command whose standard streams lead to <c>xl migrate-receive</c> where it is to go; a shell runs it.</param>
    /// <param name="limit">How long it may take; then it is killed, with its children.</param>
    /// <param name="cancellationToken">Kills it, too.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: it failed, or hung; its last words are in the message. Where the domain is
    /// must be looked at.</exception>
    /// <exception cref="OperationCanceledException">Cancelled first; where the domain is must be looked at.</exception>
    public XlMove Run(int id, string receiver, TimeSpan limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string number = id.ToString(CultureInfo.InvariantCulture);

        // An empty command instead of ssh makes xl run what stands in the host's place as it is.
        ProcessStartInfo start = OwnSession.Of(program, "-vvv", "migrate", "-s", "", number, receiver);
        start.Environment["LC_ALL"] = "C";
        Words words = new(clock);
        long begun = clock.GetTimestamp();
        using Process process = Begin(start, words);
        process.StandardInput.Close();
        Task[] reading = [ReadAsync(process.StandardOutput, words), ReadAsync(process.StandardError, words)];
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using (clock.CreateTimer(_ => over.Cancel(), null, limit, Timeout.InfiniteTimeSpan))
        {
            try
            {
                process.WaitForExitAsync(over.Token).GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                SystemProgram.Kill(process);
                process.WaitForExit(s_end);
                Task.WaitAll(reading, s_end);
                cancellationToken.ThrowIfCancellationRequested();
                throw Failed($"did not end within {Text.Duration(limit)} and was killed", words);
            }
        }

        TimeSpan total = clock.GetElapsedTime(begun);

        // A child of it may have its streams for longer; what matters has been read.
        Task.WaitAll(reading, s_end);
        return process.ExitCode == 0
            ? new XlMove(total, words.Downtime)
            : throw Failed(string.Create(CultureInfo.InvariantCulture, $"ended with {process.ExitCode}"), words);
    }

    private static Process Begin(ProcessStartInfo start, Words words)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw Failed($"could not be started: {error.Message}", words);
        }
    }

    private static MigrationException Failed(string how, Words words) => new(
        MigrationErrorId.HypervisorCall,
        $"xl migrate {how}. Its last words: {words.Last}",
        "Try it by hand: xl -vvv migrate. Look with xl list where the domain is before anything else is done with it.",
        "xl");

    /// <summary>Reads lines, of which none is longer than some.</summary>
    private static async Task ReadAsync(StreamReader reader, Words words)
    {
        char[] read = new char[4096];
        StringBuilder line = new();
        try
        {
            for (int count; (count = await reader.ReadAsync(read).ConfigureAwait(false)) > 0;)
            {
                foreach (char c in read.AsSpan(0, count))
                {
                    if (c is '\n' or '\r')
                    {
                        words.Say(line.ToString());
                        line.Clear();
                    }
                    else if (line.Length < LongestLine)
                    {
                        line.Append(c);
                    }
                }
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // It was killed, and its streams with it.
        }

        words.Say(line.ToString());
    }

    /// <summary>What it says, and when.</summary>
    private sealed class Words(TimeProvider clock)
    {
        private readonly Lock _gate = new();
        private readonly Queue<string> _last = new();
        private long? _asked;
        private long? _runs;

        public TimeSpan? Downtime
        {
            get
            {
                lock (_gate)
                {
                    return _asked is { } asked && _runs is { } runs ? clock.GetElapsedTime(asked, runs) : null;
                }
            }
        }

        public string Last
        {
            get
            {
                lock (_gate)
                {
                    return _last.Count == 0 ? "none" : string.Join(" / ", _last.Select(line => ForeignText.Show(line)));
                }
            }
        }

        public void Say(string line)
        {
            if (line.Length == 0)
            {
                return;
            }

            lock (_gate)
            {
                if (line.Contains("issuing", StringComparison.Ordinal) && line.Contains("suspend request", StringComparison.Ordinal))
                {
                    _asked ??= clock.GetTimestamp();
                }
                else if (line.Contains("Domain started success", StringComparison.Ordinal) || line.Contains("reports successful startup", StringComparison.Ordinal))
                {
                    _runs ??= clock.GetTimestamp();
                }

                _last.Enqueue(line);
                if (_last.Count > LastLines)
                {
                    _last.Dequeue();
                }
            }
        }
    }
}

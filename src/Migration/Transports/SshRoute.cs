using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Options;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Transports;

/// <summary>
/// The way to another machine's loopback by <c>ssh -W</c>: each connection's records go through standard input and output of an ssh
/// process of its own. Where no port is given, the receiver is found there, or started, and looked for again where it has gone.
/// </summary>
internal sealed class SshRoute : Route
{
    private readonly string _target;
    private readonly int? _port;
    private readonly string _program;

    public SshRoute(string target, int? port, string program)
        : base(port is null ? target : $"{target}, port {port}")
    {
        if (target.Length == 0 || target[0] == '-' || target.Any(char.IsWhiteSpace) || !ForeignText.IsPlain(target))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, $"'{target}' is nothing that ssh can connect to.", "Give a machine such as root@xen2.", target);
        }

        // ssh takes a name that ends in a number for an address, too, in whatever notation. Any other name may be one of ssh's own
        // configuration.
        string host = target[(target.LastIndexOf('@') + 1)..];
        if (HostAddress.EndsInNumber(host))
        {
            HostAddress.Parse(host);
        }

        _target = target;
        _port = port;
        _program = program;
    }

    /// <summary>
    /// How many times within a peer's time ssh asks the other side's sshd whether it is there. That is answered whatever the
    /// records do: a receiver that is busy is not taken for one that has gone.
    /// </summary>
    private const int AliveQuestions = 3;

    /// <summary>The command with which the other side's shell prints its user's key.</summary>
    private const string FetchCommand = "sh -c 'cat \"" + RuntimeFolder.InShell + "/" + LoopbackKey.FileName + "\"'";

    /// <summary>How many characters of an answer are looked at.</summary>
    private const int LongestAnswer = 8192;

    /// <summary>Where the last connection went to.</summary>
    private SshReceiver? _known;

    internal override RouteNote? Note => new(RouteKind.Ssh, _target, _port ?? 0, null);

    internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken) => _port is { } port
        ? OpenWithin(peerTimeout, clock, Address, token => OpenAt(port, peerTimeout, token), cancellationToken)
        : OpenFound(peerTimeout, clock, cancellationToken);

    private ProcessChannel OpenAt(int port, TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        SshReceiver? known = _known;
        try
        {
            return OpenProved(known ?? Fetch(), peerTimeout, cancellationToken);
        }
        catch (MigrationException error) when (known is not null && error.ErrorId == MigrationErrorId.NotTrusted)
        {
            // The machine may have been started anew, so that its user has another key now.
            return OpenProved(Fetch(), peerTimeout, cancellationToken);
        }

        SshReceiver Fetch() => new(port, FetchKey(peerTimeout, cancellationToken));
    }

    /// <summary>Opens the way to the receiver that was found last, or, where that has gone, to the one that is found now.</summary>
    private PeerChannel OpenFound(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (_known is { } known)
        {
            try
            {
                return Open(known);
            }
            catch (MigrationException error)
            {
                // What is silent is not asked again, either, when there is another attempt.
                Interlocked.CompareExchange(ref _known, null, known);
                if (error.ErrorId is not (MigrationErrorId.NotTrusted or MigrationErrorId.ConnectionLost))
                {
                    throw;
                }

                // Nobody listens there any more, or somebody else does.
            }
        }

        return Open(Find(peerTimeout, clock, cancellationToken));

        PeerChannel Open(SshReceiver receiver) =>
            OpenWithin(peerTimeout, clock, Address, token => OpenProved(receiver, peerTimeout, token), cancellationToken);
    }

    private ProcessChannel OpenProved(SshReceiver receiver, TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();

        // The address is written out: localhost may be another address there, at which anybody may listen.
        ProcessChannel channel = Start(
            peerTimeout, "-W", string.Create(CultureInfo.InvariantCulture, $"{IPAddress.Loopback}:{receiver.Port}"), "--", _target);
        LoopbackProof.Connect(channel, receiver.Key, Address, cancellationToken);
        _known = receiver;
        return channel;
    }

    /// <summary>Fetches the key of the user as whom ssh gets there.</summary>
    private LoopbackKey FetchKey(TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        string answer = Ask(FetchCommand, peerTimeout, _ => { }, cancellationToken);
        try
        {
            return LoopbackKey.Parse(answer, _target);
        }
        catch (MigrationException e)
        {
            throw Unreachable(Address, $"the key of a receiver's user is not what {_target} says when it is asked for that (a shell's start-up file may print something)", e);
        }
    }

    /// <summary>Finds a receiver there, or has one started. The other side's silence ends it, but for the time that one takes to start.</summary>
    private SshReceiver Find(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(peerTimeout, clock);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        bool isStarting = false;
        try
        {
            return SshReceiver.Parse(Ask(SshScript.Command, peerTimeout, Hear, both.Token), _target);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException e) when (isStarting)
        {
            throw SshReceiver.None(
                _target,
                $"the one that is being started does not listen after {SshReceiver.StartLimit.TotalMinutes:0} minutes",
                $"Look at that machine, where the one that is started writes {SshScript.LogName}, beside {LoopbackKey.FileName}; try again, or start a receiver there and give its port: -Port.",
                e);
        }
        catch (OperationCanceledException e)
        {
            throw Unreachable(Address, $"it stayed silent for {PeerTimeout.Text(peerTimeout)}", e);
        }

        void Hear(string said)
        {
            if (!isStarting && SshReceiver.IsStarting(said))
            {
                isStarting = true;
                limit.CancelAfter(SshReceiver.StartLimit);
            }
        }
    }

    /// <summary>Has the other side's shell do something, and returns what it says.</summary>
    /// <param name="command">What to do.</param>
    /// <param name="peerTimeout">What ssh is told of it.</param>
    /// <param name="hear">Told all that was said so far, whenever something is.</param>
    /// <param name="cancellationToken">Ends the ssh.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DestinationUnreachable"/>, in the words of ssh or of the shell.</exception>
    /// <exception cref="OperationCanceledException">Cancelled first.</exception>
    private string Ask(string command, TimeSpan peerTimeout, Action<string> hear, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using ProcessChannel channel = Start(peerTimeout, "--", _target, command);
        using CancellationTokenRegistration end = cancellationToken.UnsafeRegister(static open => ((ProcessChannel)open!).Dispose(), channel);
        byte[] answer = new byte[LongestAnswer];
        int length = 0;
        try
        {
            for (int read; length < answer.Length && (read = channel.Stream.Read(answer.AsSpan(length))) > 0;)
            {
                hear(Encoding.ASCII.GetString(answer, 0, length += read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // The stream's message begins with the address already, which this error says as well.
            throw Unreachable(Address, e.Message.Replace($"{Address}: ", "", StringComparison.Ordinal), e);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return Encoding.ASCII.GetString(answer, 0, length);
    }

    /// <summary>Starts an ssh process.</summary>
    private ProcessChannel Start(TimeSpan peerTimeout, params ReadOnlySpan<string> arguments)
    {
        // ssh must not ask for anything, because nobody is there to answer; and it must not share connections, because each of ours ends
        // by itself.
        ProcessStartInfo start = OwnSession.Of(
            Find(_program),
            [
                "-T", "-o", "BatchMode=yes", "-o", "ControlPath=none",
                "-o", $"ConnectTimeout={Seconds(peerTimeout)}",
                "-o", $"ServerAliveInterval={Seconds(peerTimeout / AliveQuestions)}",
                "-o", $"ServerAliveCountMax={AliveQuestions}",
                .. arguments,
            ]);
        try
        {
            return new ProcessChannel(Process.Start(start)!, Address);
        }
        catch (Win32Exception e)
        {
            throw Missing(e.Message, e);
        }
    }

    private static string Seconds(TimeSpan time) => Math.Ceiling(time.TotalSeconds).ToString("F0", CultureInfo.InvariantCulture);

    /// <summary>Finds a program, or throws. Of a missing program <see cref="OwnSession"/>'s would only say that it ended.</summary>
    private string Find(string program) =>
        Find(program, Environment.GetEnvironmentVariable("PATH") ?? "") ?? throw Missing("there is no such program", null);

    /// <summary>Finds a program; null where there is none. Folders without an absolute path are passed over: they depend on the working
    /// folder.</summary>
    /// <param name="program">Its name, or its path.</param>
    /// <param name="folders">Where it is looked for by its name, with colons between.</param>
    internal static string? Find(string program, string folders) => (program.Contains('/', StringComparison.Ordinal)
            ? [program]
            : folders.Split(':').Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, program)))
        .FirstOrDefault(File.Exists);

    private MigrationException Missing(string reason, Exception? cause) => new(
        MigrationErrorId.LibraryMissing, $"'{_program}' cannot be started: {reason}.", "Install the ssh client.", _program, cause);
}

using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Transports;

/// <summary>
/// The way to another machine's loopback by <c>ssh -W</c>: each connection's records go through standard input and output of an ssh
/// process of its own.
/// </summary>
internal sealed class SshRoute : Route
{
    private readonly string _target;
    private readonly int _port;
    private readonly string _program;

    public SshRoute(string target, int port, string program)
        : base($"{target}, port {port}")
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

    /// <summary>How many characters of the answer to it are looked at.</summary>
    private const int LongestAnswer = 4096;

    private LoopbackKey? _key;

    internal override RouteNote? Note => new(RouteKind.Ssh, _target, _port, null);

    internal override PeerChannel Open(TimeSpan peerTimeout, TimeProvider clock, CancellationToken cancellationToken) => OpenWithin(
        peerTimeout,
        clock,
        Address,
        token =>
        {
            LoopbackKey? known = _key;
            try
            {
                return OpenProved(known ?? Fetch(peerTimeout, token), peerTimeout, token);
            }
            catch (MigrationException error) when (known is not null && error.ErrorId == MigrationErrorId.NotTrusted)
            {
                // The machine may have been started anew, so that its user has another key now.
                return OpenProved(Fetch(peerTimeout, token), peerTimeout, token);
            }
        },
        cancellationToken);

    private ProcessChannel OpenProved(LoopbackKey key, TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();

        // The address is written out: localhost may be another address there, at which anybody may listen.
        ProcessChannel channel = Start(peerTimeout, "-W", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}"), "--", _target);
        LoopbackProof.Connect(channel, key, Address, cancellationToken);
        _key = key;
        return channel;
    }

    /// <summary>Fetches the key of the user as whom ssh gets there.</summary>
    private LoopbackKey Fetch(TimeSpan peerTimeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using ProcessChannel channel = Start(peerTimeout, "--", _target, FetchCommand);
        using CancellationTokenRegistration end = cancellationToken.UnsafeRegister(static open => ((ProcessChannel)open!).Dispose(), channel);
        byte[] answer = new byte[LongestAnswer];
        int length;
        try
        {
            length = channel.Stream.ReadAtLeast(answer, answer.Length, throwOnEndOfStream: false);
        }
        catch (IOException e)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // The stream's message begins with the address already, which this error says as well.
            throw Unreachable(Address, e.Message.Replace($"{Address}: ", "", StringComparison.Ordinal), e);
        }

        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return LoopbackKey.Parse(Encoding.ASCII.GetString(answer, 0, length), _target);
        }
        catch (MigrationException e)
        {
            throw Unreachable(Address, $"the key of a receiver's user is not what {_target} says when it is asked for that (a shell's start-up file may print something)", e);
        }
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

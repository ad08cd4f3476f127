using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Transports;

/// <summary>
/// To another machine's loopback by <c>ssh -W</c>: records go through standard input and output of an ssh process of their own.
/// </summary>
internal sealed class SshRoute : Route
{
    private readonly string _target;
    private readonly int _port;
    private readonly string _program;

    public SshRoute(string target, int port, string program)
        : base($"{target}, port {port}")
    {
        if (target.Length == 0 || target[0] == '-' || target.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, $"'{target}' is nothing that ssh can connect to.", "Give a machine such as root@xen2.", target);
        }

        // What ends in a number is an address for ssh as well, in whatever notation; any other name may be one of its own configuration.
        string host = target[(target.LastIndexOf('@') + 1)..];
        if (HostAddress.EndsInNumber(host))
        {
            HostAddress.Parse(host);
        }

        _target = target;
        _port = port;
        _program = program;
    }

    internal override PeerChannel Open(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ProcessStartInfo start = new(_program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Never asks for anything: nobody is there to answer. Where ssh shares connections, ours do not take part.
        foreach (string argument in new[]
        {
            "-T", "-o", "BatchMode=yes", "-o", "ControlPath=none", "-o", $"ConnectTimeout={s_patience.TotalSeconds:F0}",
            "-W", string.Create(CultureInfo.InvariantCulture, $"localhost:{_port}"), "--", _target,
        })
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            return new ProcessChannel(Process.Start(start)!, Address);
        }
        catch (Win32Exception e)
        {
            throw new MigrationException(
                MigrationErrorId.LibraryMissing, $"'{_program}' cannot be started: {e.Message}.", "Install the ssh client.", _program, e);
        }
    }
}

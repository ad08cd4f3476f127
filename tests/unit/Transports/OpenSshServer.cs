using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Files;

namespace PreRecordMigration.Tests.Transports;

/// <summary>
/// A real OpenSSH server on loopback, with a configuration, a port and keys of its own, as a child of this process; and
/// an ssh that knows the way to it as "xen2". Disposing ends it.
/// </summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
internal sealed class OpenSshServer : IDisposable
{
    private const string Program = "/usr/sbin/sshd";

    /// <summary>Where sshd wants to lock up the part of it that faces the network; the package's service makes it.</summary>
    private const string SeparationFolder = "/run/sshd";

    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-sshd-").FullName;
    private readonly bool _madeSeparation;
    private readonly Process _server;
    private readonly Task<string> _said;

    private OpenSshServer(bool isKnown, string environment)
    {
        if (Environment.IsPrivilegedProcess && !Directory.Exists(SeparationFolder))
        {
            Directory.CreateDirectory(SeparationFolder);
            _madeSeparation = true;
        }

        int port = FreePort();
        foreach (string key in (string[])["host", "user"])
        {
            Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", InFolder(key));
        }

        File.Copy(InFolder("user.pub"), InFolder("authorized"));
        File.WriteAllText(InFolder("known"), isKnown ? $"[127.0.0.1]:{port} {File.ReadAllText(InFolder("host.pub"))}" : "");
        File.WriteAllLines(InFolder("sshd_config"),
        [
            $"Port {port}", "ListenAddress 127.0.0.1", $"HostKey {InFolder("host")}", $"AuthorizedKeysFile {InFolder("authorized")}",
            "PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password", "AllowTcpForwarding local",
            $"SetEnv {environment}",
        ]);
        File.WriteAllLines(InFolder("ssh_config"),
        [
            "Host xen2", "HostName 127.0.0.1", $"Port {port}", $"User {Environment.UserName}", $"IdentityFile {InFolder("user")}",
            "IdentitiesOnly yes", $"UserKnownHostsFile {InFolder("known")}", "GlobalKnownHostsFile /dev/null", "StrictHostKeyChecking yes",
        ]);
        Client = InFolder("ssh");
        File.WriteAllText(Client, $"#!/bin/sh\necho $$ >> {InFolder("started")}\nexec ssh -F {InFolder("ssh_config")} \"$@\"\n");
        File.SetUnixFileMode(Client, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        ProcessStartInfo start = new(Program) { RedirectStandardError = true };
        foreach (string argument in (string[])["-D", "-e", "-f", InFolder("sshd_config")])
        {
            start.ArgumentList.Add(argument);
        }

        _server = Process.Start(start)!;

        // sshd's first line says that it listens.
        string first = _server.StandardError.ReadLine() ?? "";
        _said = _server.StandardError.ReadToEndAsync();
        Assert.Contains("Server listening", first, StringComparison.Ordinal);
    }

    /// <summary>The ssh to use.</summary>
    public string Client { get; }

    /// <summary>The processes that were started as <see cref="Client"/>.</summary>
    public string[] ClientProcesses => File.Exists(InFolder("started")) ? File.ReadAllLines(InFolder("started")) : [];

    /// <summary>Starts one, or skips the test where there is no sshd.</summary>
    /// <param name="isKnown">Whether the client knows the server's key.</param>
    /// <param name="environment">What is set there, by assignments; null for this user's runtime folder.</param>
    public static OpenSshServer Start(bool isKnown = true, string? environment = null)
    {
        Assert.SkipUnless(File.Exists(Program), $"{Program} is not installed (apt-get install openssh-server openssh-client).");
        return new OpenSshServer(isKnown, environment ?? $"{RuntimeFolder.VariableName}={RuntimeFolder.Find()}");
    }

    public void Dispose()
    {
        _server.Kill();
        _server.WaitForExit();
        _said.Wait();
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
        if (_madeSeparation)
        {
            Directory.Delete(SeparationFolder);
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private string InFolder(string name) => Path.Combine(_folder, name);
}

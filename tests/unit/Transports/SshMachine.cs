using System.Diagnostics;
using System.Globalization;
using System.Net;
using PreRecordMigration.Files;
using PreRecordMigration.Methods;
using PreRecordMigration.Processes;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>
/// Another machine as ssh shows it: a script that stands for ssh runs what it is given in a shell of this machine, with a runtime folder and programs
/// of its own, and carries bytes to its loopback. What its <c>pwsh</c> is, the test says.
/// </summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
internal sealed class SshMachine : IDisposable
{
    /// <summary>What the script that is run there needs of its machine, but for pwsh.</summary>
    private static readonly string[] s_programs = ["sh", "cat", "sed", "tail", "wc", "mv", "mkdir", "flock", "setsid", "tee", "sleep", "bash"];

    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-ssh-").FullName;

    /// <param name="without">Programs that it lacks.</param>
    public SshMachine(params string[] without)
    {
        Directory.CreateDirectory(Runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(Bin);
        foreach (string program in s_programs.Except(without))
        {
            File.CreateSymbolicLink(Path.Combine(Bin, program), SshRoute.Find(program, "/usr/bin:/bin:/usr/local/bin")!);
        }

        // Not root's: what is installed on this machine as a service is none of this one's.
        Write(Path.Combine(Bin, "id"), "echo 1000");
        Write(Client, $$"""
            echo $$ >> "$0.started"
            while [ "$1" != -W ] && [ "$1" != -- ]; do shift; done
            if [ "$1" = -- ]; then
                [ "$2" = root@xen2 ] || exit 255
                export {{Environment}}
                unset NO_COLOR
                command=${3//\/etc\/systemd\/system/{{_folder}}\/units}
                command=${command//\/lib\/systemd\/system/{{_folder}}\/packaged}
                command=${command//\/run\/systemd\/system/{{_folder}}\/systemd}
                eval "$command" | tee -a "$0.said"
                exit "${PIPESTATUS[0]}"
            fi
            [ "${2%:*} $3 $4" = "127.0.0.1 -- root@xen2" ] || exit 255
            exec 3<> "/dev/tcp/${2%:*}/${2#*:}" || exit 255
            cat <&3 &
            cat <&0 >&3 &
            exec 3>&-
            wait -n
            kill $(jobs -p)
            """);
    }

    /// <summary>The program that stands for ssh.</summary>
    public string Client => Path.Combine(_folder, "ssh");

    /// <summary>Where the machine's user has the runtime folder.</summary>
    public string Runtime => Path.Combine(_folder, "run");

    /// <summary>What the shell there has said so far, a line each.</summary>
    public string[] Said => LinesOf($"{Client}.said");

    /// <summary>What was started as ssh.</summary>
    public string[] Started => LinesOf($"{Client}.started");

    /// <summary>What was written by what the test has put there.</summary>
    public string[] Calls => LinesOf(Path.Combine(_folder, "calls"));

    /// <summary>The processes that were started as pwsh.</summary>
    public string[] PowerShells => LinesOf(PathOf("pids"));

    /// <summary>What a receiver that was started there has said.</summary>
    public string Log => string.Join('\n', LinesOf(Path.Combine(Runtime, SshScript.LogName)));

    private string Bin => Path.Combine(_folder, "bin");

    /// <summary>What a process of that machine's has in its environment.</summary>
    public string Environment => $"PATH={Bin} {RuntimeFolder.VariableName}={Runtime}";

    public SshRoute Route() => new("root@xen2", null, Client);

    /// <summary>Starts what a source has run there as sshd does, with its output as a pipe whose other end may go.</summary>
    public Process Shell()
    {
        ProcessStartInfo start = new("/bin/bash", ["-c", SshScript.Command]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["PATH"] = Bin;
        start.Environment[RuntimeFolder.VariableName] = Runtime;
        return Process.Start(start)!;
    }

    /// <summary>Starts a receiver on the machine's loopback. It is found where it is announced.</summary>
    public MigrationReceiver Receive(SimulatedHost host, bool isAnnounced)
    {
        MigrationReceiver receiver = MigrationReceiver.Start(
            host, new IPEndPoint(IPAddress.Loopback, 0), null, TimeProvider.System, null, LoopbackKey.Of(Runtime));
        if (isAnnounced)
        {
            receiver.Announce(Runtime);
        }

        return receiver;
    }

    /// <summary>Notes a receiver as one does that listens.</summary>
    public void Note(int id, ulong start, int port) => File.WriteAllText(Path.Combine(Runtime, NoteName(id, start, port)), "");

    /// <summary>What PowerShell does there, in bash; each start is a line in <see cref="Calls"/>.</summary>
    public void PowerShell(string script) => Program("pwsh", $"echo $$ >> {_folder}/pids\necho pwsh >> {_folder}/calls\n{script}");

    /// <summary>The same, in which something listens at once; and which stays then, as a receiver does, where that is wanted.</summary>
    public void PowerShell(int port, string before = "", bool isStaying = false) =>
        PowerShell($"{before}\n{Listening(port)}{(isStaying ? $"\nexec 3>&-\nexec -a {Bin}/pwsh sleep 1000" : "")}");

    /// <summary>Has it look as if something listened, in bash.</summary>
    public string Listening(int port) => $": > {Runtime}/{NoteName(OwnerProcess.Current.Id, OwnerProcess.Current.StartTime, port)}";

    /// <summary>A program there.</summary>
    public void Program(string name, string script) => Write(Path.Combine(Bin, name), script);

    /// <summary>The unit of an installed service: the administrator's, or a package's.</summary>
    public void Unit(string text, bool isPackaged = false)
    {
        string units = Directory.CreateDirectory(Path.Combine(_folder, isPackaged ? "packaged" : "units")).FullName;
        File.WriteAllText(Path.Combine(units, "prerecord-receiver.service"), text);
        Program("id", "echo 0");
    }

    /// <summary>Has systemd run there, of which a script stands for systemctl.</summary>
    public void Systemd(string script)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "systemd"));
        Program("systemctl", $"echo \"systemctl $*\" >> {_folder}/calls\n{script}");
    }

    /// <summary>A path on the machine.</summary>
    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Makes a named pipe there.</summary>
    public string Pipe(string name)
    {
        using Process making = Process.Start("mkfifo", PathOf(name));
        making.WaitForExit();
        return PathOf(name);
    }

    /// <summary>Ends what was started there and outlived its ssh, as it may.</summary>
    public void Dispose()
    {
        foreach (string id in LinesOf(PathOf("pids")).Where(IsRunning))
        {
            using Process left = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
            left.Kill(entireProcessTree: true);
            left.WaitForExit();
        }

        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Whether one of the programs there runs still.</summary>
    public bool IsRunning(string id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline").Contains(_folder, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string NoteName(int id, ulong start, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"receiver-20260101000000-{id}-{start}-{port}");

    private static string[] LinesOf(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];

    private static void Write(string path, string script)
    {
        // Not into what a link of that name leads to.
        File.Delete(path);
        File.WriteAllText(path, "#!/bin/bash\n" + script + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}

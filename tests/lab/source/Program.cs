using System.Diagnostics;
using System.Globalization;

using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;
using PreRecordMigration.Reporting;
using PreRecordMigration.Xen;

namespace PreRecordMigration.Lab;

/// <summary>
/// Drives the Xen source from a lab's dom0. Every result is one line of key=value pairs; an error is one line that begins
/// with "error=" and its id, and exit code 1.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is not ["-"])
        {
            return RunOne(arguments);
        }

        // One process for many commands: it takes half a minute to start under emulation.
        int code = 0;
        while (Console.In.ReadLine() is { } line)
        {
            code = Math.Max(code, RunOne(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
            Console.WriteLine($"done={line}");
        }

        return code;
    }

    private static int RunOne(string[] arguments)
    {
        try
        {
            return Run(arguments);
        }
        catch (MigrationException exception)
        {
            Console.WriteLine($"error={exception.ErrorId} message={exception.Message} remedy={exception.Remedy}");
            return 1;
        }
    }

    private static int Run(string[] arguments)
    {
        if (arguments is ["info"])
        {
            return Info();
        }

        if (arguments is ["open", string opened])
        {
            return Open(opened);
        }

        if (arguments is [string verb, string name, string window, string epoch] && verb is "rollback" or "observe" or "die")
        {
            MigrationOptions options = new()
            {
                Method = MigrationMethod.PreRecord,
                Mode = arguments[0] == "observe" ? RecordingMode.Observe : RecordingMode.Rollback,
                Window = Milliseconds(arguments[2]),
                Epoch = Milliseconds(arguments[3]),
                // Who is killed proves nothing, and need not read the memory for it.
                ProveRollback = arguments[0] != "die",
            };
            return arguments[0] == "die" ? Die(arguments[1], options) : Record(arguments[1], options);
        }

        Console.Error.WriteLine("lab-source - | info | open NAME | rollback|observe|die NAME WINDOW_MS EPOCH_MS");
        return 2;
    }

    private static int Info()
    {
        using XenHost host = XenHost.Open();
        Console.WriteLine($"hypervisor={host.Hypervisor}");
        foreach (Capability item in host.GetCapabilities().Items)
        {
            Console.WriteLine($"capability={item.Kind} available={item.IsAvailable} reason={item.Reason}");
        }

        foreach (DomainInfo domain in host.GetDomains())
        {
            Console.WriteLine($"domain={domain.Name} {domain}");
        }

        return 0;
    }

    private static int Open(string name)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using XenHost host = XenHost.Open();
        using (ISourceDomain domain = host.OpenSource(name))
        {
            Console.WriteLine($"opened={name} ms={Time(watch)}");
            PageBitmap populated = domain.GetPopulatedPages();
            Console.WriteLine($"populated={populated.Count} ranges={populated.Ranges().Count()} ms={Time(watch)}");
            DomainDescription description = domain.Describe();
            Console.WriteLine($"description={description.Configuration.Length} bytes ms={Time(watch)}");
        }

        Console.WriteLine($"closed={name} ms={Time(watch)}");
        return 0;
    }

    private static int Record(string name, MigrationOptions options)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using XenHost host = XenHost.Open();
        PreRecordSession session = PreRecordSession.Record(host.OpenSource(name), options, null, CancellationToken.None);
        AccessTrajectory trajectory = session.Trajectory;
        Console.WriteLine(
            $"recorded={session.RecordedPages} records={trajectory.Count} epochs={trajectory.EpochCount} "
            + $"backed={session.Backups?.Count ?? 0} core={session.Checkpoint?.Pages.Count ?? 0} "
            + $"tables={session.Checkpoint?.PageTablePageCount ?? 0} ms={Time(watch)}");
        if (session.Proof is { } proof)
        {
            Console.WriteLine(
                $"proved={proof.IsProved} pages={proof.PagesCompared} changed={proof.ChangedPages} "
                + $"checkpoint={proof.AtCheckpoint} after={proof.AfterWindow}");
        }

        watch.Restart();
        session.Dispose();
        Console.WriteLine($"ended={name} ms={Time(watch)}");
        return 0;
    }

    /// <summary>Is killed in the middle of a window, as by the administrator or the kernel.</summary>
    private static int Die(string name, MigrationOptions options)
    {
        using XenHost host = XenHost.Open();
        using Timer killer = new(_ => Kill(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using PreRecordSession session = PreRecordSession.Record(
            host.OpenSource(name), options, new Started(killer, options.Window), CancellationToken.None);
        return 3;
    }

    private static void Kill()
    {
        Console.WriteLine("killed=now");
        Console.Out.Flush();
        using Process self = Process.GetCurrentProcess();
        self.Kill();
    }

    private static TimeSpan Milliseconds(string text) =>
        TimeSpan.FromMilliseconds(double.Parse(text, CultureInfo.InvariantCulture));

    private static string Time(Stopwatch watch) => watch.Elapsed.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);

    /// <summary>Sets the killer's time when the window has begun: the steps before it take long under emulation.</summary>
    private sealed class Started(Timer killer, TimeSpan window) : IProgress<MigrationProgress>
    {
        private int _reports;

        public void Report(MigrationProgress value)
        {
            if (Interlocked.Increment(ref _reports) == 1)
            {
                killer.Change(window / 2, Timeout.InfiniteTimeSpan);
            }
        }
    }
}

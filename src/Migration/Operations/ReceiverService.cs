using System.Runtime.InteropServices;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Processes;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>
/// Receivers that are a service of the system: the process stays until it is told to end, and the service manager is told where they
/// stand. What becomes of migrations at the end is the end's of every process of this module: what has not been committed is given up,
/// what has is waited for. Where it is to be started anew, as with another version of the module, that waits until it holds nothing.
/// </summary>
public static class ReceiverService
{
    /// <summary>How often the service manager may hear something new.</summary>
    private static readonly TimeSpan s_betweenWords = TimeSpan.FromSeconds(2);

    /// <summary>How long the successor rests between two looks: a few reads of XenStore for each domain.</summary>
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(5);

    /// <summary>How long a look may take to be broken off; what it began goes on to its end.</summary>
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Says that the receivers of a workspace are ready, and returns when the process is asked to end (TERM or INT), or when it is asked to make
    /// room for its successor (HUP) and holds nothing. Meanwhile it takes up what other processes of these hosts leave behind.
    /// </summary>
    /// <param name="workspace">The workspace, whose receivers have been started.</param>
    /// <param name="options">How migrations go on that are taken over.</param>
    public static void Run(Workspace workspace, MigrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(options);
        CancellationTokenSource ending = new();
        Successor successor = new(workspace, options, LastWords.Say, TimeProvider.System);
        Thread looking = new(() => LookOn(successor, ending.Token)) { IsBackground = true, Name = "successor" };
        looking.Start();
        try
        {
            Run(workspace);
        }
        finally
        {
            ending.Cancel();
            if (looking.Join(s_stopLimit))
            {
                ending.Dispose();
            }
        }
    }

    /// <summary>Lets the successor look, again and again.</summary>
    private static void LookOn(Successor successor, CancellationToken ending)
    {
        try
        {
            do
            {
                successor.Look(ending);
            }
            while (!ending.WaitHandle.WaitOne(s_betweenLooks));
        }
        catch (OperationCanceledException)
        {
            // The service ends; what is left behind then is the next one's.
        }
    }

    private static void Run(Workspace workspace)
    {
        using ManualResetEventSlim isAskedToEnd = new();
        using ManualResetEventSlim isAskedToRenew = new();
        using IDisposable hangingUp = ProcessSignals.TakeHangUp(isAskedToRenew.Set);
        using PosixSignalRegistration terminating = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupting = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        Run(workspace, state => ServiceManager.Notify(state), timeout => isAskedToEnd.Wait(timeout), () => isAskedToRenew.IsSet);

        void End(PosixSignalContext signal)
        {
            // The process ends by itself when this returns.
            signal.Cancel = true;
            isAskedToEnd.Set();
        }
    }

    /// <summary>As the public one, with another service manager and another end.</summary>
    internal static void Run(Workspace workspace, Action<string> notify, Func<TimeSpan, bool> isAskedToEnd, Func<bool> isAskedToRenew)
    {
        string said = Describe(workspace);
        notify($"READY=1\nSTATUS={said}");
        while (!isAskedToEnd(s_betweenWords))
        {
            bool isRenewing = isAskedToRenew();
            if (isRenewing && IsIdle(workspace))
            {
                break;
            }

            string now = Describe(workspace);
            now = isRenewing ? Text.Format(SR.ServiceRenews, now) : now;
            if (now != said)
            {
                notify($"STATUS={said = now}");
            }
        }

        notify($"STOPPING=1\nSTATUS={Text.Format(SR.ServiceEnds, Describe(workspace))}");
    }

    /// <summary>Whether an end would cost nobody anything. What comes in just then runs on at its source, as at any end.</summary>
    private static bool IsIdle(Workspace workspace) =>
        !workspace.End.Matters && workspace.Receivers.All.All(receiver => receiver.WaitingConnections == 0);

    /// <summary>Where the receivers stand, in a line.</summary>
    private static string Describe(Workspace workspace)
    {
        IncomingMigration[] incoming = [.. workspace.Receivers.Incoming];
        int underWay = incoming.Count(one => !one.Ended.IsCompleted);
        int kept = incoming.Count(one => one.IsKept);
        return Text.Format(
            SR.ServiceStatus,
            string.Join(", ", workspace.Receivers.All.Select(receiver => $"{receiver.Host.Name} at {receiver.Endpoint}")),
            underWay,
            kept);
    }
}

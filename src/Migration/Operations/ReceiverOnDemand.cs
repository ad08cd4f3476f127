using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>
/// A receiver that somebody who came through ssh has started, because none was there: it outlives that connection, and ends by itself when
/// nothing has come for a while, nothing is kept, and nothing waits to be taken over.
/// </summary>
public static class ReceiverOnDemand
{
    /// <summary>How long nothing must have come.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(10);

    /// <summary>How long it still listens when nobody can find it any more: for who found it just before.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>Tells whoever waits for the receiver that it listens, or why it does not.</summary>
    /// <param name="descriptor">The descriptor at which somebody waits, which is closed by this.</param>
    /// <param name="reason">Why it does not; null where it does.</param>
    /// <param name="remedy">What to do about that.</param>
    public static void Answer(int descriptor, string? reason = null, string? remedy = null)
    {
        using SafeFileHandle handle = new(descriptor, ownsHandle: true);
        if (reason is null)
        {
            return;
        }

        try
        {
            using FileStream waiting = new(handle, FileAccess.Write, bufferSize: 0);
            waiting.Write(Encoding.UTF8.GetBytes(SshReceiver.Refusal(reason, remedy ?? "")));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Who waited has gone; the same is written where this process writes what it says.
        }
    }

    /// <summary>Stays until a host's receiver has been idle for <see cref="IdleLimit"/>, and stops it then; or until the process is asked to
    /// end (TERM or INT), which is the end of every process of this module.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="hostName">The host, whose receiver has been started.</param>
    /// <returns>Why it ends, in a sentence.</returns>
    /// <exception cref="OperationException">The host has no receiver.</exception>
    public static string Run(Workspace workspace, string hostName)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        using ManualResetEventSlim isAskedToEnd = new();
        using PosixSignalRegistration terminating = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupting = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        return Run(workspace.Receivers, workspace.Receivers.Get(hostName), RuntimeFolder.Find(), TimeProvider.System, timeout => isAskedToEnd.Wait(timeout));

        void End(PosixSignalContext signal)
        {
            // The process ends by itself when this returns.
            signal.Cancel = true;
            isAskedToEnd.Set();
        }
    }

    /// <summary>As the public one, with another clock and another end.</summary>
    internal static string Run(
        ReceiverRegistry receivers, MigrationReceiver receiver, string folder, TimeProvider clock, Func<TimeSpan, bool> isAskedToEnd)
    {
        long last = clock.GetTimestamp();
        long greetings = receiver.Greetings;
        bool isFound = true;
        while (!isAskedToEnd(s_betweenLooks))
        {
            TimeSpan idle = clock.GetElapsedTime(last);
            if (receiver.Greetings is var now && now != greetings || IsNeeded(receiver, isLong: idle >= IdleLimit))
            {
                (last, greetings, isFound) = (clock.GetTimestamp(), now, true);
                receiver.Announce(folder);
            }
            else if (idle >= IdleLimit + Grace && !isFound)
            {
                receivers.Stop(receiver);
                return Text.Format(SR.OnDemandIdle, Text.Duration(IdleLimit));
            }
            else if (idle >= IdleLimit)
            {
                isFound = false;
                receiver.Withdraw();
            }
        }

        return SR.OnDemandAsked;
    }

    /// <summary>Whether something comes in, is kept, or waits for a source that comes back.</summary>
    /// <param name="receiver">The receiver.</param>
    /// <param name="isLong">Whether nothing else has kept it for long: only then the hypervisor is asked.</param>
    private static bool IsNeeded(MigrationReceiver receiver, bool isLong) =>
        receiver.WaitingConnections > 0
        || receiver.Incoming.Any(incoming => !incoming.Ended.IsCompleted || incoming.IsUndecided)
        || (isLong && HasLeftArrival(receiver.Host));

    /// <summary>Whether a domain has come in whose tool was killed. Where the hypervisor does not tell, there may be one.</summary>
    private static bool HasLeftArrival(IMigrationHost host)
    {
        bool isThere = false;
        try
        {
            // It is looked for and not opened: none is said to be the one that is meant.
            _ = host.OpenArrival(_ =>
            {
                isThere = true;
                return null;
            });
            return isThere;
        }
        catch (MigrationException)
        {
            return true;
        }
    }
}

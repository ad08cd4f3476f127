using System.Runtime.InteropServices;

namespace PreRecordMigration.Operations;

/// <summary>Has the end of this process, whatever ends it, end a workspace first.</summary>
internal static class ProcessSignals
{
    private static readonly List<PosixSignalRegistration> Signals = [];
    private static volatile bool s_isHangUpTaken;

    /// <summary>From now on hanging up ends nothing by itself: somebody else does what it asks for, until it is disposed.</summary>
    /// <param name="act">What it asks for.</param>
    public static IDisposable TakeHangUp(Action act)
    {
        s_isHangUpTaken = true;
        return new TakenHangUp(PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            act();
        }));
    }

    /// <summary>From now on the end of the process ends it.</summary>
    public static void Await(WorkspaceEnd workspace)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End(workspace);

        // They would end the process without a word, and without its end being awaited: a service that is stopped, a closed terminal.
        Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => EndBy(workspace, signal, 15)));
        Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => EndBy(workspace, signal, 1)));
        Signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, signal => EndBy(workspace, signal, 3)));
    }

    /// <summary>Ends the process as the signal does, in order, where that matters here; else the signal is left as it is.</summary>
    private static void EndBy(WorkspaceEnd workspace, PosixSignalContext signal, int number)
    {
        // Everybody who is registered is told of a signal, whatever the others do with it.
        if (signal.Signal == PosixSignal.SIGHUP && s_isHangUpTaken)
        {
            return;
        }

        if (workspace.Matters)
        {
            signal.Cancel = true;
            Environment.Exit(128 + number);
        }

        if (signal.Signal == PosixSignal.SIGTERM)
        {
            // The others may be ignored. What ends the process now says nothing more to it.
            workspace.Leave();
        }
    }

    /// <summary>Ends what has not left, where the process goes on without the module; Ctrl+C has nothing more waited for.</summary>
    public static void EndModule(WorkspaceEnd workspace) => Hurry(workspace.EndModule, isTaken: false);

    /// <summary>Ends the workspace; Ctrl+C has nothing more waited for.</summary>
    private static void End(WorkspaceEnd workspace) => Hurry(workspace.End, isTaken: true);

    /// <summary>Has Ctrl+C hurry an end.</summary>
    /// <param name="end">Ends something.</param>
    /// <param name="isTaken">Whether Ctrl+C does nothing else; else it also does what it did before.</param>
    private static void Hurry(Action<WaitHandle> end, bool isTaken)
    {
        using ManualResetEventSlim isHurried = new();
        using PosixSignalRegistration hurrying = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel |= isTaken;
            isHurried.Set();
        });
        end(isHurried.WaitHandle);
    }

    private sealed class TakenHangUp(PosixSignalRegistration registration) : IDisposable
    {
        public void Dispose()
        {
            s_isHangUpTaken = false;
            registration.Dispose();
        }
    }
}

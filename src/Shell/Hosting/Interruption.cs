using System.Runtime.InteropServices;

namespace PreRecordMigration.Shell.Hosting;

/// <summary>
/// While it exists, Ctrl+C and SIGTERM stop the running command instead of killing the process, so that the
/// command can put things back before the process ends.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private int _exitCode;

    /// <summary>Begins to listen.</summary>
    /// <param name="stop">Stops the running command; must return at once.</param>
    /// <param name="notice">Told, in words, when a signal came.</param>
    public Interruption(Action stop, Action<string> notice)
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, ExitCodes.Interrupted));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, ExitCodes.Terminated));

        void Handle(PosixSignalContext context, int exitCode)
        {
            context.Cancel = true;
            notice(Interlocked.CompareExchange(ref _exitCode, exitCode, 0) == 0
                ? "Stopping the command..."
                : "Still stopping: the command is putting things back.");
            stop();
        }
    }

    /// <summary>The exit code of the signal that came first, or null.</summary>
    public int? ExitCode => _exitCode == 0 ? null : _exitCode;

    /// <inheritdoc/>
    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }
}

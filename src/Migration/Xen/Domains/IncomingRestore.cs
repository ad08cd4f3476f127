using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Domains;

/// <summary>The xl restore that waits for the rest of its stream. Where writing to it fails, the error has xl's own words, or says what
/// the peer did wrong.</summary>
internal sealed class IncomingRestore(IRestoreProcess process) : IDisposable
{
    private static readonly TimeSpan s_toolstackPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>How long the child was at work on what the checkpoint left; zero before it has ended.</summary>
    internal TimeSpan CompletionTime { get; private set; }

    /// <summary>Waits for something that the toolstack's child does.</summary>
    /// <param name="process">The child.</param>
    /// <param name="condition">Whether it is done.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="MigrationException">The child ended before, or did nothing for two minutes.</exception>
    internal static void WaitFor(IRestoreProcess process, Func<bool> condition, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_toolstackPatience);
        while (!condition())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (process.HasExited || patience.IsCancellationRequested)
            {
                throw process.Failure(null);
            }

            patience.Token.WaitHandle.WaitOne(s_pollInterval);
        }
    }

    /// <summary>Writes to the stream.</summary>
    /// <exception cref="MigrationException">What the peer sent is malformed, or xl has ended.</exception>
    internal void Write(Action write)
    {
        try
        {
            write();
        }
        catch (IOException error)
        {
            throw process.Failure(error);
        }
        catch (Exception error) when (error is XenStreamException or ArgumentException)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation, $"What the peer sent of the domain cannot be restored: {error.Message}",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                null, error);
        }
    }

    /// <summary>Sends what the checkpoint left, and waits until the domain is complete.</summary>
    /// <exception cref="MigrationException">The state is malformed, or xl refused it; its own words are in the message.</exception>
    /// <exception cref="OperationCanceledException">Given up; the child is dead, or ends with this object.</exception>
    internal void Complete(Action write, CancellationToken cancellationToken)
    {
        // A write to a child that does not read blocks; killing the child ends it.
        using CancellationTokenRegistration kill = cancellationToken.UnsafeRegister(static child => ((IRestoreProcess)child!).Kill(), process);
        long begun = TimeProvider.System.GetTimestamp();
        try
        {
            Write(write);
            process.Finish(cancellationToken);
            CompletionTime = TimeProvider.System.GetElapsedTime(begun);
        }
        catch (MigrationException error) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("Restoring the domain was given up.", error, cancellationToken);
        }
    }

    /// <summary>Breaks the stream off where it was not completed: xl then takes the domain down.</summary>
    public void Dispose() => process.Dispose();
}

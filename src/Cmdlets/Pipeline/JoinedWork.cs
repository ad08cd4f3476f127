using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// Work on a thread of its own, for which the pipeline's thread waits while it writes what the work has to say. Once it is
/// asked to stop, the wait is as long as <see cref="StopPatience"/> at most.
/// </summary>
internal sealed class JoinedWork<T>
{
    private readonly CancellationTokenSource _cancellation;
    private readonly BlockingCollection<Action> _posted = [];
    private readonly CancellationToken _stop;
    private readonly Task<T> _task;
    private Deadline? _patience;

    /// <summary>Begins the work.</summary>
    /// <param name="cmdlet">Whose pipeline waits.</param>
    /// <param name="work">The work. It gets the way to the pipeline's thread, and the token that is cancelled to stop it.</param>
    /// <param name="isEnding">Whether the work itself is to end something, so that the wait has its limit from the start.</param>
    /// <param name="said">What is said of it where the process ends before it does; null where it holds nobody's domain.</param>
    /// <param name="stop">Cancelled by Ctrl+C.</param>
    public JoinedWork(
        MigrationCmdlet cmdlet, Func<PipelineWriter, CancellationToken, T> work, bool isEnding, WorkWords? said, CancellationToken stop)
    {
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _patience = isEnding ? new Deadline(StopPatience.Limit) : null;
        PipelineWriter writer = new(cmdlet, _posted);
        CancellationToken token = _stop = _cancellation.Token;
        _task = Workspace.OfProcess.Work.Begin(
            () =>
            {
                try
                {
                    return work(writer, token);
                }
                finally
                {
                    _posted.CompleteAdding();
                }
            },
            _cancellation.Cancel,
            said,
            isEnding);

        // The work may outlive the wait of the pipeline's thread, so the cancellation is disposed when the work has ended.
        _task.ContinueWith(_ => _cancellation.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    /// <summary>Whether it was asked to stop.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>What it came to, once it has ended.</summary>
    public Task<T> Outcome => _task;

    /// <summary>What broke the pipeline while the work went on, such as Ctrl+C or an error to stop at; null where nothing did.</summary>
    public Exception? Unwinding { get; private set; }

    /// <summary>Waits and writes.</summary>
    /// <returns>Whether the work has ended; false where it goes on.</returns>
    public bool Pump()
    {
        while (!_posted.IsCompleted)
        {
            try
            {
                CancellationToken until = IsStopped || _task.IsCompleted ? CancellationToken.None : _stop;
                if (_posted.TryTake(out Action? write, _patience?.LeftMilliseconds ?? Timeout.Infinite, until))
                {
                    Write(write);
                }
                else if (_patience is { LeftMilliseconds: 0 } && !_posted.IsCompleted)
                {
                    return false;
                }
            }
            catch (OperationCanceledException)
            {
                IsStopped = true;
                _patience ??= new Deadline(StopPatience.Limit);
            }
            catch (ObjectDisposedException)
            {
                // The work has ended at this moment, and its cancellation was disposed: what it posted is still written.
                continue;
            }
        }

        return true;
    }

    private void Write(Action write)
    {
        if (Unwinding is not null)
        {
            return;
        }

        try
        {
            write();
        }
        catch (Exception error) when (error is RuntimeException or InvalidOperationException)
        {
            // The pipeline is being stopped, or the caller asked to stop at a warning: before that the work is brought to its end.
            Unwinding = error;
            IsStopped = true;
            _patience ??= new Deadline(StopPatience.Limit);
            _cancellation.Cancel();
        }
    }
}

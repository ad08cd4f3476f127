using System.Collections.Concurrent;
using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Cmdlets;

/// <summary>What every cmdlet of the module shares: errors with stable ids, and work that Ctrl+C cancels and joins.</summary>
public abstract class MigrationCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Cancelled by Ctrl+C.</summary>
    private protected CancellationToken StopToken => _stopping.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of what the cmdlet holds, at the end of the pipeline.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stopping.Dispose();
        }
    }

    /// <summary>Ctrl+C: cancels the work. The pipeline's thread joins it before it unwinds.</summary>
    protected override void StopProcessing() => _stopping.Cancel();

    /// <summary>Whether anybody reads the debug stream: a trace of every record is made for nobody else.</summary>
    private protected bool IsDebugWanted =>
        MyInvocation.BoundParameters.TryGetValue("Debug", out object? isOn)
            ? isOn is SwitchParameter { IsPresent: true }
            : GetVariableValue("DebugPreference") is { } preference
                && LanguagePrimitives.TryConvertTo(preference, out ActionPreference wanted)
                && wanted is not (ActionPreference.SilentlyContinue or ActionPreference.Ignore);

    /// <summary>Whether nothing is to be changed.</summary>
    private protected bool IsWhatIf =>
        MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? isOn)
            ? isOn is SwitchParameter { IsPresent: true }
            : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    /// <summary>
    /// Writes a step that was taken: to the verbose stream, but with -Debug alone to the debug stream. PowerShell would then
    /// ask after each verbose message whether to go on, and a domain would wait for the answer.
    /// </summary>
    internal void WriteStep(string message)
    {
        if (MyInvocation.BoundParameters.ContainsKey("Debug") && !MyInvocation.BoundParameters.ContainsKey("Verbose"))
        {
            WriteDebug(message);
        }
        else
        {
            WriteVerbose(message);
        }
    }

    /// <summary>The way of a domain's trace to the debug stream; null where nobody reads it.</summary>
    private protected IProgress<MigrationTrace>? TraceOf(PipelineWriter writer, string domain) =>
        IsDebugWanted ? new Tracer(step => writer.Debug(domain, step)) : null;

    /// <summary>Refuses a time that a timer cannot wait for.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    private protected static void RequireTimer(string option, TimeSpan? time)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, Text.Format(SR.HoldTimeRange, option, time), SR.HoldTimeRangeRemedy, option);
        }
    }

    /// <summary>Does something for one input; what goes wrong is that input's error, and the next input follows.</summary>
    /// <param name="target">The object the error is about; null for the one that the exception names.</param>
    /// <param name="action">What to do.</param>
    private protected void ForEachInput(object? target, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is MigrationException or CommandException)
        {
            WriteError(ErrorRecords.From(error, target));
        }
    }

    /// <summary>Does something with a recording. Where that is refused nobody is left who would move it: the domain runs on.</summary>
    /// <param name="recorded">The recording.</param>
    /// <param name="isMove">Whether it was to be moved now; else who has it in hand keeps it.</param>
    /// <param name="action">What to do.</param>
    private protected void ForRecording(PreRecord recorded, bool isMove, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is MigrationException or CommandException)
        {
            if (RecordingRegistry.LetGoRefused(recorded, isMove, error))
            {
                WriteWarning(Text.Format(SR.WarningRecordingLetGo, recorded.Name));
            }

            throw;
        }
    }

    /// <summary>Lets a recording go that was not meant after all, unless somebody has it in hand.</summary>
    private protected void LetGoDeclined(PreRecord recorded)
    {
        if (RecordingRegistry.LetGoDeclined(recorded))
        {
            WriteWarning(Text.Format(SR.WarningRecordingLetGo, recorded.Name));
        }
    }

    /// <summary>Does something without which the command makes no sense; what goes wrong ends the command.</summary>
    private protected void ForCommand(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is MigrationException or CommandException)
        {
            ThrowTerminatingError(ErrorRecords.From(error, null));
        }
    }

    /// <summary>
    /// Runs work on a thread of its own, while this thread writes what the work has to say. Returns when the work has
    /// ended, never before: on Ctrl+C it is cancelled and joined.
    /// </summary>
    /// <param name="work">The work. It gets the way to this thread, and the token that Ctrl+C cancels.</param>
    private protected T RunJoined<T>(Func<PipelineWriter, CancellationToken, T> work)
    {
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(StopToken);
        using BlockingCollection<Action> posted = [];
        PipelineWriter writer = new(this, posted);
        Task<T> task = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    return work(writer, cancellation.Token);
                }
                finally
                {
                    posted.CompleteAdding();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        Exception? unwinding = Pump(posted, cancellation);
        try
        {
            T result = task.GetAwaiter().GetResult();
            return unwinding is null ? result : throw unwinding;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw unwinding ?? new PipelineStoppedException();
        }
    }

    private static Exception? Pump(BlockingCollection<Action> posted, CancellationTokenSource cancellation)
    {
        Exception? unwinding = null;
        foreach (Action write in posted.GetConsumingEnumerable())
        {
            if (unwinding is not null)
            {
                continue;
            }

            try
            {
                write();
            }
            catch (Exception error) when (error is RuntimeException or InvalidOperationException)
            {
                // The pipeline is being stopped, or the caller asked to stop at a warning: the work ends first.
                unwinding = error;
                cancellation.Cancel();
            }
        }

        return unwinding;
    }
}

/// <summary>Hands a trace on where it was made: unlike <see cref="Progress{T}"/>, in its order and on its thread.</summary>
internal sealed class Tracer(Action<MigrationTrace> onStep) : IProgress<MigrationTrace>
{
    /// <inheritdoc/>
    public void Report(MigrationTrace value) => onStep(value);
}

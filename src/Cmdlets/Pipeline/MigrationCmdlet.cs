using System.Management.Automation;
using System.Management.Automation.Host;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What every cmdlet of the module shares: errors with stable ids, and work that Ctrl+C cancels and joins.</summary>
public abstract class MigrationCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private bool _hasWarnedOfCertificates;
    private IReadOnlyList<ProcessElsewhere>? _elsewhere;

    static MigrationCmdlet() => Workspace.OfProcess.History.Configured = MigrationConfiguration.ReadHistoryLimits;

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

    /// <summary>
    /// What other processes of this user have, as the command found it when it first asked. Of those that do not answer it warns, and shows what the
    /// others have.
    /// </summary>
    private protected IReadOnlyList<ProcessElsewhere> Elsewhere => _elsewhere ??= LookElsewhere();

    /// <summary>Warns where other processes cannot see what this one has just begun.</summary>
    private protected void WarnOfBoard()
    {
        if (Workspace.OfProcess.BoardProblem is { } problem)
        {
            WriteWarning(Text.Format(SR.WarningBoard, problem.Message, problem.Remedy));
        }
    }

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
    /// As <see cref="Cmdlet.ShouldProcess(string, string)"/>, which it hides: where -Confirm asks and nobody can answer, that is an error with a
    /// remedy, and nothing is done.
    /// </summary>
    /// <exception cref="CommandException">There is nobody to ask.</exception>
    private protected new bool ShouldProcess(string target, string action)
    {
        try
        {
            return base.ShouldProcess(target, action);
        }
        catch (Exception error) when (IsOfNobodyThere(error))
        {
            throw NobodyToAsk(target);
        }
    }

    /// <summary>As <see cref="ShouldProcess(string, string)"/>, with a reason.</summary>
    /// <exception cref="CommandException">There is nobody to ask.</exception>
    private protected new bool ShouldProcess(string description, string warning, string caption, out ShouldProcessReason reason)
    {
        try
        {
            return base.ShouldProcess(description, warning, caption, out reason);
        }
        catch (Exception error) when (IsOfNobodyThere(error))
        {
            throw NobodyToAsk(warning);
        }
    }

    /// <summary>
    /// Whether a question failed because nobody can answer it: with pwsh -NonInteractive, in a thread job, or where the standard input is
    /// at its end, for which PowerShell's console has no exception of its own.
    /// </summary>
    private protected static bool IsOfNobodyThere(Exception error) => error is HostException or InvalidOperationException or NullReferenceException;

    /// <summary>A mistake in what was given: nothing is wrong with what it was given for.</summary>
    private static CommandException NobodyToAsk(string target) => new(
        nameof(SR.NobodyToAsk), ErrorCategory.InvalidArgument, Text.Format(SR.NobodyToAsk, target), SR.NobodyToAskRemedy, null);

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
        catch (Exception error) when (ErrorRecords.IsOfInput(error))
        {
            WriteError(ErrorRecords.From(error, target));
        }
    }

    /// <summary>Does something with a recording. Where that is refused, and nobody else has the recording in hand, its domain runs on.</summary>
    /// <param name="recorded">The recording.</param>
    /// <param name="isMove">Whether it was to be moved now; else who has it in hand keeps it.</param>
    /// <param name="action">What to do.</param>
    private protected void ForRecording(PreRecord recorded, bool isMove, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (ErrorRecords.IsOfInput(error))
        {
            if (Workspace.OfProcess.Recordings.LetGoRefused(recorded, isMove, ErrorRecords.IsMistake(error)))
            {
                WriteWarning(Text.Format(SR.WarningRecordingLetGo, recorded.Name));
            }
            else if (Workspace.OfProcess.Recordings.HeldOf(recorded) is { } held)
            {
                throw ErrorRecords.WithRemedy(error, Text.Format(SR.HeldStillRemedy, held.Name, held.HeldUntil));
            }

            throw;
        }
    }

    /// <summary>Lets a recording go that was not meant after all, unless somebody has it in hand.</summary>
    private protected void LetGoDeclined(PreRecord recorded)
    {
        if (Workspace.OfProcess.Recordings.LetGoDeclined(recorded))
        {
            WriteWarning(Text.Format(SR.WarningRecordingLetGo, recorded.Name));
        }
    }

    /// <summary>Warns, once a command, where certificates are configured and memory travels without them all the same.</summary>
    /// <param name="why">Why they are not used: a message with a place for the certificate and one for the place.</param>
    /// <param name="place">Where they are not used.</param>
    /// <exception cref="CommandException">The configuration cannot be read.</exception>
    private protected void WarnOfUnusedCertificates(string why, object place)
    {
        (string? own, string[]? trusted) = MigrationConfiguration.ReadCertificatePaths();
        if (!_hasWarnedOfCertificates && (own ?? trusted?.FirstOrDefault()) is { } configured)
        {
            _hasWarnedOfCertificates = true;
            WriteWarning(Text.Format(why, configured, place));
        }
    }

    /// <summary>As <see cref="WarnOfUnusedCertificates(string, object)"/>, of a destination.</summary>
    private protected void WarnOfUnusedCertificates(Destination destination)
    {
        if (!destination.IsProtected)
        {
            WarnOfUnusedCertificates(
                destination.Host is null ? SR.WarningCertificatesLoopback : SR.WarningCertificatesHere, destination.Name);
        }
    }

    /// <summary>Does something without which the command makes no sense; what goes wrong ends the command.</summary>
    private protected void ForCommand(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (ErrorRecords.IsOfInput(error))
        {
            ThrowTerminatingError(ErrorRecords.From(error, null));
        }
    }

    /// <summary>Warns. A pipeline that is being stopped can write nothing any more: then PowerShell's host shows the warning.</summary>
    internal void Warn(string message)
    {
        if (!StopToken.IsCancellationRequested)
        {
            WriteWarning(message);
            return;
        }

        try
        {
            Host?.UI?.WriteWarningLine(message);
        }
        catch (Exception error) when (HostErrors.IsOne(error))
        {
            // A PowerShell host that shows nothing: Get-Migration tells the same.
            return;
        }
    }

    private IReadOnlyList<ProcessElsewhere> LookElsewhere()
    {
        try
        {
            IReadOnlyList<ProcessElsewhere> found = Workspace.OfProcess.Elsewhere.Look(StopToken);
            foreach (ProcessElsewhere process in found)
            {
                if (process.Problem is { } problem)
                {
                    WriteWarning(Text.Format(SR.WarningElsewhereUnread, process.Description, problem));
                }
                else if (process.Omitted > 0)
                {
                    WriteWarning(Text.Format(SR.WarningElsewhereOmitted, process.Description, process.Omitted));
                }
            }

            return found;
        }
        catch (OperationCanceledException)
        {
            throw new PipelineStoppedException();
        }
        catch (MigrationException error)
        {
            WriteWarning(Text.Format(SR.WarningElsewhereFolder, error.Message, error.Remedy));
            return [];
        }
    }

    /// <summary>
    /// Runs work on a thread of its own, while this thread writes what the work has to say. Returns when the work has ended; on
    /// Ctrl+C it is cancelled and waited for, for a few seconds.
    /// </summary>
    /// <param name="work">The work. It gets the way to this thread, and the token that Ctrl+C cancels.</param>
    /// <param name="remains">What is said where it has not ended after that: who holds the domain, what goes on, how it ends.</param>
    /// <param name="isEnding">Whether the work is to end something: then it is an error where it takes longer than that.</param>
    /// <param name="onLate">Told what the work came to when nobody waited for it any more; null for nobody.</param>
    /// <param name="stopped">What is said where the end of the process stopped the work in order; null for nothing.</param>
    /// <exception cref="CommandException">The work goes on, without having been stopped.</exception>
    private protected T RunJoined<T>(
        Func<PipelineWriter, CancellationToken, T> work,
        string? remains = null,
        bool isEnding = false,
        Action<Task<T>>? onLate = null,
        string? stopped = null)
    {
        JoinedWork<T> joined = new(this, work, isEnding, remains is null ? null : new WorkWords(remains, stopped), StopToken);
        if (!joined.Pump())
        {
            // Nobody may ask for the outcome any more: a failure is observed here, so that it is not reported as unobserved.
            joined.Outcome.ContinueWith(
                late =>
                {
                    _ = late.Exception;
                    onLate?.Invoke(late);
                },
                CancellationToken.None,
                TaskContinuationOptions.None,
                TaskScheduler.Default);
            if (!joined.IsStopped)
            {
                throw new CommandException(
                    nameof(SR.StillEnding), ErrorCategory.OperationTimeout, remains ?? SR.StillEnding, SR.StillEndingRemedy, null);
            }

            Warn(remains ?? SR.StillEnding);
            throw joined.Unwinding ?? new PipelineStoppedException();
        }

        try
        {
            T result = joined.Outcome.GetAwaiter().GetResult();
            return joined.Unwinding is null ? result : throw joined.Unwinding;
        }
        catch (OperationCanceledException) when (joined.IsStopped || StopToken.IsCancellationRequested)
        {
            throw joined.Unwinding ?? new PipelineStoppedException();
        }
    }
}

/// <summary>Hands a trace on where it was made: unlike <see cref="Progress{T}"/>, in its order and on its thread.</summary>
internal sealed class Tracer(Action<MigrationTrace> onStep) : IProgress<MigrationTrace>
{
    /// <inheritdoc/>
    public void Report(MigrationTrace value) => onStep(value);
}

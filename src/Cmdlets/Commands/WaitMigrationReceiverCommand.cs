using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Wait-MigrationReceiver: waits for migrations into hosts, and returns what became of each, as they land.</summary>
[Cmdlet(VerbsLifecycle.Wait, "MigrationReceiver")]
[OutputType(typeof(IncomingMigrationInfo))]
public sealed class WaitMigrationReceiverCommand : MigrationCmdlet
{
    private IncomingPump? _pump;

    /// <summary>Names or wildcard patterns of hosts; every receiver where it is not given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ReceiverNameCompleter))]
    public string[]? HostName { get; set; }

    /// <summary>How many migrations to wait for, those under way included; only for those under way where it is not given.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>How long to wait at most; what is under way goes on. Not at all with 0s, which returns where those stand that are
    /// under way. For ever where it is not given.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _pump = new IncomingPump(this, IsDebugWanted);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        IReadOnlyList<MigrationReceiver> own = Workspace.OfProcess.Receivers.All;
        if (HostName is null)
        {
            AddAll(own, own.Count > 0 ? [] : ReceiverSelection.AllOf(Elsewhere));
            return;
        }

        foreach (string pattern in HostName)
        {
            ForEachInput(pattern, () =>
            {
                if (ReceiverSelection.Find(pattern) is { Found: [_, ..] found })
                {
                    AddAll(found, []);
                }
                else
                {
                    AddAll([], ReceiverSelection.Find(pattern, Elsewhere).OrFail(() => ReceiverRegistry.NotFound(pattern)));
                }
            });
        }
    }

    private void AddAll(IEnumerable<MigrationReceiver> receivers, IEnumerable<ReceiverElsewhere> others)
    {
        foreach (MigrationReceiver receiver in receivers)
        {
            _pump!.Add(receiver);
        }

        foreach (ReceiverElsewhere found in others)
        {
            _pump!.Add(found);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            bool isOver = !_pump!.PumpUntil(Count, Deadline.After(Timeout), StopToken);
            if (Workspace.OfProcess.History.Problem is { } problem)
            {
                WriteWarning(Text.Format(SR.WarningHistoryLast, problem.Message, problem.Remedy));
            }

            if (isOver && Timeout == TimeSpan.Zero)
            {
                // Whoever does not wait wants to know where the migrations stand.
                WriteObject(_pump.UnderWay, enumerateCollection: true);
            }
            else if (isOver)
            {
                WriteError(ErrorRecords.From(
                    new CommandException(
                        nameof(SR.ReceiverWaitTimeout),
                        ErrorCategory.OperationTimeout,
                        Text.Format(SR.ReceiverWaitTimeout, Text.Duration(Timeout ?? TimeSpan.Zero), _pump.Ended, _pump.Active),
                        SR.ReceiverWaitTimeoutRemedy,
                        null),
                    null));
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl+C ends the wait, and nothing else.
            throw new PipelineStoppedException();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pump?.Dispose();
        }

        base.Dispose(disposing);
    }
}

using System.Management.Automation;
using System.Management.Automation.Runspaces;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Start-PreRecord: records what a domain touches, and holds the recording for its move.</summary>
[Cmdlet(VerbsLifecycle.Start, "PreRecord", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(PreRecord))]
public sealed class StartPreRecordCommand : RecordingOptionsCommand
{
    private readonly List<LiveRecording> _held = [];
    private MigrationOptions _options = new();
    private string? _holder;

    /// <summary>How long the recording waits for its move before it is discarded and the domain runs on.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan HoldTime { get; set; } = TimeSpan.FromMinutes(2);

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        Prepare();
    });

    /// <inheritdoc/>
    private protected override void Prepare()
    {
        _options = MakeOptions(MigrationMethod.PreRecord);
        string line = MyInvocation.Line.Trim();
        _holder = Text.Format(
            SR.Holder, Environment.ProcessId, Runspace.DefaultRunspace?.Id, line.Length > 0 ? line : MyInvocation.MyCommand.Name);
        RequireTimer(nameof(HoldTime), HoldTime);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        try
        {
            ForEachDomain(Record);
        }
        catch (Exception error) when (!DownstreamEnd.HasEnough(this, error))
        {
            // The pipeline ends with an error, here or downstream, and the recordings that it has returned so far are lost with it.
            DiscardAll();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && StopToken.IsCancellationRequested)
        {
            // After Ctrl+C nobody has the recordings of this pipeline: their domains run on.
            DiscardAll();
        }
        else if (disposing)
        {
            foreach (LiveRecording recording in _held)
            {
                recording.IsWithItsMaker = false;
            }
        }

        base.Dispose(disposing);
    }

    private void DiscardAll()
    {
        Task[] discarding = [.. _held.Select(recording => Task.Factory.StartNew(
            recording.Discard, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        StopPatience.Join(discarding);
        foreach ((LiveRecording recording, Task discard) in _held.Zip(discarding))
        {
            if (!discard.IsCompleted)
            {
                Warn(Text.Format(SR.StillRecording, recording.Location.Info.Name, recording.Location.Host.Name));
            }
        }
    }

    private void Record(DomainLocation location)
    {
        ModeDecision decision = ModeDecision.Make(Mode, location, _options, null);
        MigrationOptions options = decision.Options;
        if (decision.Reason is not null)
        {
            WriteStep(Text.Format(SR.VerboseMode, location.Info.Name, decision.Reason));
        }

        Preflight.Recording(location, options);
        PreRecord planned = PreRecord.Planned(new RecordingPlan(location, options), decision.Reason, HoldTime, _holder);
        if (!ShouldProcess(
            DescribeChosen(
                Text.Format(SR.DescribeRecord, Text.Duration(Window), Text.Duration(options.Epoch), options.Mode, location.Info.Name, location.Host.Name),
                decision.Reason),
            Text.Format(SR.ConfirmRecord, location.Info.Name, location.Host.Name, Text.Duration(Window), options.Mode),
            SR.CaptionRecord,
            out ShouldProcessReason reason))
        {
            if (reason == ShouldProcessReason.WhatIf)
            {
                WriteObject(planned);
            }

            return;
        }

        PreRecord recorded = RunJoined(
            (writer, token) => Hold(planned, location, writer, token),
            Text.Format(SR.StillRecording, location.Info.Name, location.Host.Name),
            stopped: Text.Format(SR.ExitRecordingStopped, location.Info.Name, location.Host.Name));
        WarnUnlessProved(recorded);
        WriteObject(recorded);
    }

    /// <summary>Whether a variable keeps what is returned, so that somebody has it whatever the pipeline does with it.</summary>
    private bool IsKeptInVariable =>
        MyInvocation.BoundParameters.ContainsKey("OutVariable") || MyInvocation.BoundParameters.ContainsKey("PipelineVariable");

    private PreRecord Hold(PreRecord planned, DomainLocation location, PipelineWriter writer, CancellationToken cancellationToken)
    {
        string domain = location.Info.Name;
        using DomainProgress progress = writer.ForDomain(domain, Text.Format(SR.ProgressRecording, domain, location.Host.Name));
        LiveRecording held = Workspace.OfProcess.Recordings.Record(
            planned,
            HoldTime,
            isWithItsMaker: !IsKeptInVariable,
            progress,
            TraceOf(writer, domain),
            () => writer.Verbose(Text.Format(SR.VerboseOpened, domain, location.Host.Name, location.Host.Hypervisor)),
            cancellationToken);
        _held.Add(held);
        if (cancellationToken.IsCancellationRequested)
        {
            // Whoever asked for the recording may have stopped waiting for it already.
            held.Discard();
        }

        return held.Snapshot;
    }

    private void WarnUnlessProved(PreRecord recorded)
    {
        if (recorded.RollbackProof is { IsProved: false })
        {
            WriteWarning(Text.Format(SR.WarningProofFailed, recorded.Name));
        }
    }
}

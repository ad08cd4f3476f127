using System.Management.Automation;
using System.Management.Automation.Runspaces;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

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
            // The pipeline ends with an error, here or downstream, and what it has returned so far is lost with it.
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
                recording.IsInItsPipeline = false;
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
                WriteObject(Describe(location, decision) with { Preview = new RecordingPlan(location, options) });
            }

            return;
        }

        PreRecord recorded = RunJoined((writer, token) =>
        {
            using DomainProgress progress = writer.ForDomain(
                location.Info.Name, Text.Format(SR.ProgressRecording, location.Info.Name, location.Host.Name));
            ISourceDomain domain = location.Host.OpenSource(location.Info.Name);
            writer.Verbose(Text.Format(SR.VerboseOpened, location.Info.Name, location.Host.Name, location.Host.Hypervisor));
            PageBitmap populated = domain.GetPopulatedPages();

            // The session takes the domain over: it runs on if this fails.
            MigrationOptions traced = options with { Trace = TraceOf(writer, location.Info.Name) };
            return Hold(location, decision, populated, PreRecordSession.Record(domain, traced, progress, token), token);
        },
        Text.Format(SR.StillRecording, location.Info.Name, location.Host.Name),
        stopped: Text.Format(SR.ExitRecordingStopped, location.Info.Name, location.Host.Name));
        WarnUnlessProved(recorded);
        WriteObject(recorded);
    }

    /// <summary>Whether a variable keeps what is returned, so that somebody has it whatever the pipeline does with it.</summary>
    private bool IsKeptInVariable =>
        MyInvocation.BoundParameters.ContainsKey("OutVariable") || MyInvocation.BoundParameters.ContainsKey("PipelineVariable");

    private PreRecord Hold(
        DomainLocation location, ModeDecision decision, PageBitmap populated, PreRecordSession session, CancellationToken cancellationToken)
    {
        PreRecord snapshot = Describe(location, decision) with
        {
            Accesses = session.Trajectory,
            RecordedPages = session.RecordedPages,
            BackedUpPages = session.Backups?.Count ?? 0,
            RollbackProof = session.Proof,
            Populated = populated,
        };
        LiveRecording held = new(snapshot, location, session, HoldTime) { IsInItsPipeline = !IsKeptInVariable };
        RecordingRegistry.Add(held);
        _held.Add(held);
        if (cancellationToken.IsCancellationRequested)
        {
            // Whoever asked for it may have stopped to wait for it already.
            held.Discard();
        }

        return snapshot;
    }

    /// <summary>What is known of a recording before it is made: it has seen nothing.</summary>
    private PreRecord Describe(DomainLocation location, ModeDecision decision) => new()
    {
        Id = Guid.NewGuid().ToString("N"),
        Name = location.Info.Name,
        HostName = location.Host.Name,
        Mode = decision.Options.Mode,
        ModeReason = decision.Reason,
        Window = Window.TotalSeconds,
        Epoch = decision.Options.Epoch.TotalSeconds,
        Accesses = new AccessTrajectory([], 0, decision.Options.Epoch, 0, isEpochOrdered: true),
        RecordedPages = 0,
        BackedUpPages = 0,
        HeldUntil = TimeProvider.System.GetLocalNow() + HoldTime,
        Holder = _holder,
    };

    private void WarnUnlessProved(PreRecord recorded)
    {
        if (recorded.RollbackProof is { IsProved: false })
        {
            WriteWarning(Text.Format(SR.WarningProofFailed, recorded.Name));
        }
    }
}

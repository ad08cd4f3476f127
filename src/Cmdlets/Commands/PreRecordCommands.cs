using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Cmdlets;

/// <summary>Start-PreRecord: records what a domain touches, and holds the recording for its move.</summary>
[Cmdlet(VerbsLifecycle.Start, "PreRecord", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(PreRecord))]
public sealed class StartPreRecordCommand : RecordingCommand
{
    private readonly List<LiveRecording> _held = [];
    private MigrationOptions _options = new();

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
        RequireTimer(nameof(HoldTime), HoldTime);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachDomain(Record);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // After Ctrl+C nobody has the recordings of this pipeline: their domains run on.
        if (disposing && StopToken.IsCancellationRequested)
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

        base.Dispose(disposing);
    }

    private void Record(DomainLocation location)
    {
        Preflight.Recording(location, _options);
        if (!ShouldProcess(
            Text.Format(SR.DescribeRecord, Text.Duration(Window), Text.Duration(_options.Epoch), Mode, location.Info.Name, location.Host.Name),
            Text.Format(SR.ConfirmRecord, location.Info.Name, location.Host.Name, Text.Duration(Window), Mode),
            SR.CaptionRecord,
            out ShouldProcessReason reason))
        {
            if (reason == ShouldProcessReason.WhatIf)
            {
                WriteObject(Describe(location) with { Preview = new RecordingPlan(location, _options) });
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
            MigrationOptions traced = _options with { Trace = TraceOf(writer, location.Info.Name) };
            return Hold(location, populated, PreRecordSession.Record(domain, traced, progress, token), token);
        }, Text.Format(SR.StillRecording, location.Info.Name, location.Host.Name));
        WarnUnlessProved(recorded);
        WriteObject(recorded);
    }

    private PreRecord Hold(DomainLocation location, PageBitmap populated, PreRecordSession session, CancellationToken cancellationToken)
    {
        PreRecord snapshot = Describe(location) with
        {
            Accesses = session.Trajectory,
            RecordedPages = session.RecordedPages,
            BackedUpPages = session.Backups?.Count ?? 0,
            RollbackProof = session.Proof,
            Populated = populated,
        };
        LiveRecording held = new(snapshot.Id, location, session, HoldTime) { Recorded = snapshot };
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
    private PreRecord Describe(DomainLocation location) => new()
    {
        Id = Guid.NewGuid().ToString("N"),
        Name = location.Info.Name,
        HostName = location.Host.Name,
        Mode = Mode,
        Window = Window.TotalSeconds,
        Epoch = _options.Epoch.TotalSeconds,
        Accesses = new AccessTrajectory([], 0, _options.Epoch, 0, isEpochOrdered: true),
        RecordedPages = 0,
        BackedUpPages = 0,
        HeldUntil = TimeProvider.System.GetLocalNow() + HoldTime,
    };

    private void WarnUnlessProved(PreRecord recorded)
    {
        if (recorded.RollbackProof is { IsProved: false })
        {
            WriteWarning(Text.Format(SR.WarningProofFailed, recorded.Name));
        }
    }
}

/// <summary>Stop-PreRecord: discards a recording; the domain runs on.</summary>
[Cmdlet(VerbsLifecycle.Stop, "PreRecord", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(DomainInfo))]
public sealed class StopPreRecordCommand : PreRecordCommand
{
    /// <summary>Returns the domain, which runs on.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.Name, () =>
    {
        LiveRecording recording = RecordingRegistry.Require(PreRecord);
        if (ShouldProcess(TargetText, SR.ActionStopRecord))
        {
            RecordingRegistry.Take(PreRecord);
            RunJoined(
                (_, _) =>
                {
                    recording.Dispose();
                    return true;
                },
                Text.Format(SR.StillRecording, PreRecord.Name, recording.Location.Host.Name),
                isEnding: true,
                late =>
                {
                    if (late.Exception?.InnerException is { } error)
                    {
                        RecordingRegistry.NoteFailure(recording, error);
                    }
                });
            if (PassThru)
            {
                WriteObject(DomainSelection.Exact(PreRecord.Name, recording.Location.Host).Info);
            }
        }
    });
}

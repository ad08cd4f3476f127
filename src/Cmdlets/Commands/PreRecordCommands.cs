using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Cmdlets;

/// <summary>Start-PreRecord: records what a domain touches, and holds the recording for its move.</summary>
[Cmdlet(VerbsLifecycle.Start, "PreRecord", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(PreRecord))]
public sealed class StartPreRecordCommand : DomainCommand
{
    private readonly List<LiveRecording> _held = [];
    private MigrationOptions _options = new();

    /// <summary>How long the pre-execution window lasts.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Window { get; set; } = new MigrationOptions().Window;

    /// <summary>How long an epoch lasts; at most the window.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Epoch { get; set; } = new MigrationOptions().Epoch;

    /// <summary>What the recording does to the domain.</summary>
    [Parameter]
    public RecordingMode Mode { get; set; } = RecordingMode.Rollback;

    /// <summary>How long the guest may take to suspend.</summary>
    [Parameter]
    [Duration]
    public TimeSpan SuspendTimeout { get; set; } = new MigrationOptions().SuspendTimeout;

    /// <summary>Most memory for backups of changed pages; as much as the domain has where it is not given.</summary>
    [Parameter]
    [Size]
    [ValidateRange(Page.Size, long.MaxValue)]
    public long? BackupLimit { get; set; }

    /// <summary>How long the recording waits for its move before it is discarded and the domain runs on.</summary>
    [Parameter]
    [Duration]
    public TimeSpan HoldTime { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Leaves the proof of the rollback out.</summary>
    [Parameter]
    public SwitchParameter SkipRollbackProof { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        _options = RecordingOptions.Make(this, MigrationMethod.PreRecord, Mode, Window, Epoch, SuspendTimeout, BackupLimit, SkipRollbackProof);
        RecordingOptions.RequireTimer(nameof(HoldTime), HoldTime);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachDomain(Record);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // After Ctrl+C nobody has the recordings of this pipeline: their domains run on.
        if (disposing && StopToken.IsCancellationRequested)
        {
            foreach (LiveRecording recording in _held)
            {
                recording.Discard();
            }
        }

        base.Dispose(disposing);
    }

    private void Record(DomainLocation location)
    {
        Preflight.Recording(location, _options);
        if (!ShouldProcess(
            Text.Format(SR.TargetDomain, location.Info.Name, location.Host.Name),
            Text.Format(SR.ActionRecord, Text.Duration(Window), Text.Duration(Epoch), Mode)))
        {
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
            return Hold(location, populated, PreRecordSession.Record(domain, _options, progress, token));
        });
        WarnUnlessProved(recorded);
        WriteObject(recorded);
    }

    private PreRecord Hold(DomainLocation location, PageBitmap populated, PreRecordSession session)
    {
        PreRecord snapshot = new()
        {
            Id = Guid.NewGuid().ToString("N"),
            DomainName = location.Info.Name,
            SourceHost = location.Host.Name,
            Mode = Mode,
            Window = Window,
            Epoch = Epoch,
            Trajectory = session.Trajectory,
            RecordedPages = session.RecordedPages,
            BackedUpPages = session.Backups?.Count ?? 0,
            RollbackProof = session.Proof,
            HeldUntil = TimeProvider.System.GetLocalNow() + HoldTime,
            Populated = populated,
        };
        LiveRecording held = new(snapshot.Id, location, session, HoldTime);
        RecordingRegistry.Add(held);
        _held.Add(held);
        return snapshot;
    }

    private void WarnUnlessProved(PreRecord recorded)
    {
        if (recorded.RollbackProof is { IsProved: false })
        {
            WriteWarning(Text.Format(SR.WarningProofFailed, recorded.DomainName));
        }
    }
}

/// <summary>Stop-PreRecord: discards a recording; the domain runs on.</summary>
[Cmdlet(VerbsLifecycle.Stop, "PreRecord", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
public sealed class StopPreRecordCommand : MigrationCmdlet
{
    /// <summary>The recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachInput(PreRecord.DomainName, () =>
    {
        LiveRecording recording = RecordingRegistry.Require(PreRecord);
        if (ShouldProcess(Text.Format(SR.TargetDomain, PreRecord.DomainName, PreRecord.SourceHost), SR.ActionStopRecord))
        {
            RecordingRegistry.Take(PreRecord);
            recording.Dispose();
        }
    });
}

using System.Management.Automation;
using PreRecordMigration.Methods;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that move domains: which, where to, how; and the preflight of each.</summary>
public abstract class MoveCommand : DomainCommand
{
    private const string PreRecordSet = "PreRecord";
    private MigrationOptions _options = new();
    private Destination? _destination;

    /// <summary>A recording that Start-PreRecord returned.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PreRecordSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNull]
    public PreRecord PreRecord { get; set; } = null!;

    /// <summary>Where to go: a host's name, or the local end of a tunnel such as localhost:7000.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = NameSet)]
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = DomainSet)]
    [Parameter(ParameterSetName = PreRecordSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string? Destination { get; set; }

    /// <summary>How memory travels.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    public MigrationMethod Method { get; set; } = MigrationMethod.PreRecord;

    /// <summary>What the recording does to the domain.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    public RecordingMode Mode { get; set; } = RecordingMode.Rollback;

    /// <summary>How long the pre-execution window lasts.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    [Duration]
    public TimeSpan Window { get; set; } = new MigrationOptions().Window;

    /// <summary>How long an epoch lasts; at most the window.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    [Duration]
    public TimeSpan Epoch { get; set; } = new MigrationOptions().Epoch;

    /// <summary>How long the guest may take to suspend.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    [Duration]
    public TimeSpan SuspendTimeout { get; set; } = new MigrationOptions().SuspendTimeout;

    /// <summary>Most memory for backups of changed pages; as much as the domain has where it is not given.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    [Size]
    [ValidateRange(Page.Size, long.MaxValue)]
    public long? BackupLimit { get; set; }

    /// <summary>Leaves the proof of the rollback out.</summary>
    [Parameter(ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = DomainSet)]
    public SwitchParameter SkipRollbackProof { get; set; }

    /// <summary>In which order pages are pushed, the first strategy's first; what suits the method where it is not given.</summary>
    [Parameter]
    public PageOrderStrategy[]? Order { get; set; }

    /// <summary>Most bytes a second for pushed pages; demand faults are not limited.</summary>
    [Parameter]
    [Size(IsRate = true)]
    public long? BandwidthLimit { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationOptions made = RecordingOptions.Make(this, Method, Mode, Window, Epoch, SuspendTimeout, BackupLimit, SkipRollbackProof);
        _options = made with { Order = Order, BandwidthLimit = BandwidthLimit };
        _options.Validate();
        _destination = Destination is null ? null : Cmdlets.Destination.Parse(Destination);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PreRecordSet)
        {
            ForEachInput(PreRecord.DomainName, () => Consider(PlanRecorded()));
        }
        else
        {
            ForEachDomain(location => Consider(new PlannedMove(location, _destination!, _options, null)));
        }
    }

    /// <summary>Begins a move that has been checked and is meant.</summary>
    private protected abstract void Begin(PlannedMove move);

    private PlannedMove PlanRecorded()
    {
        LiveRecording recording = RecordingRegistry.Require(PreRecord);
        Destination destination = _destination ?? Cmdlets.Destination.Parse(PreRecord.Destination ?? throw new CommandException(
            nameof(SR.DestinationMissing),
            ErrorCategory.InvalidArgument,
            Text.Format(SR.DestinationMissing, PreRecord.DomainName),
            SR.DestinationMissingRemedy,
            PreRecord.DomainName));
        MigrationOptions options = recording.Options with
        {
            RemotePF = PreRecord.RemotePF,
            Order = Order ?? PreRecord.Order,
            BandwidthLimit = BandwidthLimit,
        };
        options.Validate();
        return new PlannedMove(recording.Location, destination, options, PreRecord);
    }

    private void Consider(PlannedMove move)
    {
        Preflight.Move(move.Location, move.Destination, move.Options);
        if (ShouldProcess(
            Text.Format(SR.TargetDomain, move.Location.Info.Name, move.Location.Host.Name),
            Text.Format(SR.ActionMove, move.Options.Method, move.Destination.Name)))
        {
            Begin(move);
        }
    }
}

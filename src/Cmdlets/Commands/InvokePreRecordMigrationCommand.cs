using System.Management.Automation;
using System.Net;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Cmdlets;

/// <summary>Invoke-PreRecordMigration: moves running domains to another host, and returns when they run there for good.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PreRecordMigration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationResult))]
public sealed class InvokePreRecordMigrationCommand : DomainCommand
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

    /// <summary>In which order pages are pushed; what suits the method where it is not given.</summary>
    [Parameter]
    public PageOrderStrategy? Order { get; set; }

    /// <summary>Most bytes a second for pushed pages; demand faults are not limited.</summary>
    [Parameter]
    [Size(IsRate = true)]
    public long? BandwidthLimit { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationOptions made = RecordingOptions.Make(this, Method, Mode, Window, Epoch, SuspendTimeout, BackupLimit, SkipRollbackProof);
        _options = made with { Order = Order is { } order ? [order] : null, BandwidthLimit = BandwidthLimit };
        _options.Validate();
        _destination = Destination is null ? null : Cmdlets.Destination.Parse(Destination);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PreRecordSet)
        {
            ForEachInput(PreRecord.DomainName, MoveRecorded);
        }
        else
        {
            ForEachDomain(MoveDomain);
        }
    }

    private void MoveDomain(DomainLocation location)
    {
        Destination destination = _destination!;
        Preflight.Move(location, destination, _options);
        if (ShouldMove(location, destination, _options))
        {
            Report(destination, RunJoined((writer, token) =>
                Travel(writer, location, destination, (endpoint, progress) =>
                {
                    // The migration takes the domain over. Nobody else may dispose it: a domain that must stay stopped does.
                    ISourceDomain domain = location.Host.OpenSource(location.Info.Name);
                    writer.Verbose(Text.Format(SR.VerboseOpened, location.Info.Name, location.Host.Name, location.Host.Hypervisor));
                    return MigrationSource.MigrateAsync(domain, endpoint, _options, progress, token);
                })));
        }
    }

    private void MoveRecorded()
    {
        LiveRecording recording = RecordingRegistry.Require(PreRecord);
        DomainLocation location = recording.Location;
        Destination destination = _destination ?? Cmdlets.Destination.Parse(PreRecord.Destination ?? throw new CommandException(
            nameof(SR.DestinationMissing),
            ErrorCategory.InvalidArgument,
            Text.Format(SR.DestinationMissing, PreRecord.DomainName),
            SR.DestinationMissingRemedy,
            PreRecord.DomainName));
        MigrationOptions options = recording.Options with
        {
            RemotePF = PreRecord.RemotePF,
            Order = (Order ?? PreRecord.Order) is { } order ? [order] : null,
            BandwidthLimit = BandwidthLimit,
        };
        options.Validate();
        Preflight.Move(location, destination, options);
        if (ShouldMove(location, destination, options))
        {
            PreRecordSession session = RecordingRegistry.Take(PreRecord);
            Report(destination, RunJoined((writer, token) =>
            {
                using LiveRecording owned = recording;
                return Travel(writer, location, destination, (endpoint, progress) =>
                    MigrationSource.MigrateAsync(session, endpoint, options, progress, token));
            }));
        }
    }

    private bool ShouldMove(DomainLocation location, Destination destination, MigrationOptions options) => ShouldProcess(
        Text.Format(SR.TargetDomain, location.Info.Name, location.Host.Name),
        Text.Format(SR.ActionMove, options.Method, destination.Name));

    /// <summary>Moves one domain over an open way. Whatever happens, the way is closed again before this returns.</summary>
    private static MigrationResult Travel(
        PipelineWriter writer,
        DomainLocation location,
        Destination destination,
        Func<IPEndPoint, IProgress<MigrationProgress>, Task<MigrationResult>> migrate)
    {
        using DomainProgress progress = writer.ForDomain(
            location.Info.Name,
            Text.Format(SR.ProgressActivity, location.Info.Name, location.Host.Name, destination.Name));
        return TravelAsync().GetAwaiter().GetResult();

        async Task<MigrationResult> TravelAsync()
        {
            DestinationEndpoint endpoint = destination.Open();
            await using (endpoint.ConfigureAwait(false))
            {
                if (endpoint.Temporary is not null)
                {
                    writer.Verbose(Text.Format(SR.VerboseTemporaryReceiver, destination.Name, endpoint.Address));
                }

                return await migrate(endpoint.Address, progress).ConfigureAwait(false);
            }
        }
    }

    private void Report(Destination destination, MigrationResult moved)
    {
        MigrationResult result = moved with { Destination = destination.Name };
        WriteInformation(
            Text.Format(SR.InformationMoved, result.DomainName, result.Destination, Text.Duration(result.Downtime), result.RemoteFaults),
            ["PreRecordMigration"]);
        if (result.RollbackProof is { IsProved: false })
        {
            WriteWarning(Text.Format(SR.WarningProofFailed, result.DomainName));
        }

        WriteObject(result);
    }
}

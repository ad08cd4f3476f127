using System.Management.Automation;
using PreRecordMigration.Estimates;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;

namespace PreRecordMigration.Cmdlets;

/// <summary>Test-Migration: what stands against moving a domain, what each method would cost, and which one is advised.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Migration", DefaultParameterSetName = NameSet)]
[OutputType(typeof(MigrationReport))]
public sealed class TestMigrationCommand : WindowCommand
{
    private MigrationOptions _options = new();
    private Destination? _destination;
    private LinkSpeed _link = null!;

    /// <summary>Where to go: a host that Get-MigrationHost lists, or a receiver of another process on this machine, such as localhost:7000.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = InputSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    /// <summary>The rate that the estimates reckon with.</summary>
    [Parameter]
    [Column]
    [Size(IsRate = true)]
    [ValidateRange(1, long.MaxValue)]
    public long Bandwidth { get; set; } = LinkDefaults.BytesPerSecond;

    /// <summary>The time to the destination and back that they reckon with.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan RoundTrip { get; set; } = LinkDefaults.RoundTrip;

    /// <summary>Pre-copy is advised where it is predicted to stop the domain for no longer than this.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan MaximumDowntime { get; set; } = new MigrationOptions().MaximumDowntime;

    /// <summary>Methods whose domain would be split over two hosts for longer are not advised.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan? MaximumExposure { get; set; }

    /// <summary>How long another machine's receiver, which is asked whether it would take the domain in, may be silent.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan PeerTimeout { get; set; } = new MigrationOptions().PeerTimeout;

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        Prepare();
    });

    /// <inheritdoc/>
    private protected override void Prepare()
    {
        _options = new MigrationOptions { Method = MigrationMethod.PreRecord, Mode = RecordingMode.Observe, Window = Window, Epoch = FittingEpoch, MaximumDowntime = MaximumDowntime, PeerTimeout = PeerTimeout };
        _options.Validate();
        RequireTimer(nameof(RoundTrip), RoundTrip);
        _destination = Destination is null ? null : HostSelection.Destination(Destination);

        // Who gives a rate here means that rate, whatever limit is configured.
        _link = new LinkSpeed(Bandwidth, RoundTrip).Within(IsGiven(nameof(Bandwidth)) ? null : MigrationConfiguration.ReadConnectionOptions().BandwidthLimit);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachDomain(location =>
    {
        Destination destination = _destination ?? throw MoveCommand.DestinationMissing(location.Info.Name);
        WriteObject(Sample(location, destination, _options, _link, MaximumExposure));
    });
}

using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Estimates;
using PreRecordMigration.Measuring;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Measure-Migration: moves domains by several methods to and fro, and says how the methods differ and whether that is more than noise.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MeasuredRun), typeof(MigrationComparison), typeof(MigrationReport))]
public sealed class MeasureMigrationCommand : WindowCommand
{
    private MeasureOptions _options = null!;
    private Destination? _destination;
    private LinkSpeed _link = null!;

    /// <summary>Where to go, and back from: a host that Get-MigrationHost lists, or a receiver of another process on this machine, such as localhost:7000.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = NameSet)]
    [Parameter(ParameterSetName = InputSet)]
    [Column]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DestinationCompleter))]
    public string? Destination { get; set; }

    /// <summary>The methods that are measured; the others are compared with the first one.</summary>
    [Parameter]
    [Given]
    public MeasuredMethod[] Method { get; set; } =
        [MeasuredMethod.PreCopy, MeasuredMethod.PostCopy, MeasuredMethod.Hybrid, MeasuredMethod.Observe, MeasuredMethod.Rollback];

    /// <summary>Orders of pages, with each of which the methods that record are measured; what suits the method where it is not given.</summary>
    [Parameter]
    [Given]
    public PageOrderStrategy[] Order { get; set; } = [];

    /// <summary>How often each method is measured.</summary>
    [Parameter]
    [ValidateRange(1, RankTest.MostFigures)]
    public int Repeat { get; set; } = 5;

    /// <summary>How often each is made before, to be warm, without being counted.</summary>
    [Parameter]
    [ValidateRange(0, 100)]
    public int WarmUp { get; set; } = 1;

    /// <summary>Decides the random order of the runs: the same number makes the same order.</summary>
    [Parameter]
    public ulong Seed { get; set; } = 1;

    /// <summary>How long the domain is left alone before and after each move.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Settle { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one move may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan TimeLimit { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>A TCP service of the domain that is asked over and over from here, such as 10.0.0.7:22.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public string? Probe { get; set; }

    /// <summary>How it is asked.</summary>
    [Parameter]
    [Column]
    public ProbeKind ProbeKind { get; set; }

    /// <summary>Where the guest counts up: a node of its part of XenStore, and behind a colon the name of the number in it; a simulated guest's operations whatever
    /// stands here.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public string? Beat { get; set; }

    /// <summary>The command by which XlMigrate reaches the receiving xl; a shell runs it.</summary>
    [Parameter]
    [Column]
    [ValidateNotNullOrEmpty]
    public string XlReceiver { get; set; } = new MeasureOptions { Variants = [] }.XlReceiver;

    /// <summary>What brings the domain back from another machine: it gets the domain's name, and ends when the domain runs here.</summary>
    [Parameter]
    [ValidateNotNull]
    public ScriptBlock? Return { get; set; }

    /// <summary>Most bytes a second for pushed pages; demand faults are not limited.</summary>
    [Parameter]
    [Column]
    [Size(IsRate = true)]
    public long? BandwidthLimit { get; set; }

    /// <summary>Whether pushed pages are compressed.</summary>
    [Parameter]
    [Column]
    public PageCompression Compression { get; set; } = new MigrationOptions().Compression;

    /// <summary>How long the destination may be silent before the connection to it counts as lost.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan PeerTimeout { get; set; } = new MigrationOptions().PeerTimeout;

    /// <summary>How long the guest may take to suspend.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan SuspendTimeout { get; set; } = new MigrationOptions().SuspendTimeout;

    /// <summary>Most bytes that each disk of the domain may have written in a window that is rolled back.</summary>
    [Parameter]
    [Column]
    [Size]
    [ValidateRange(Page.Size, long.MaxValue)]
    public long OverlayLimit { get; set; } = OutputLimits.Default.OverlayBytes;

    /// <summary>Most bytes of packets that each network card of the domain may have held back in such a window.</summary>
    [Parameter]
    [Column]
    [Size]
    [ValidateRange(Page.Size, uint.MaxValue)]
    public long PacketLimit { get; set; } = OutputLimits.Default.PacketBytes;

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);

        // The setting is one order of several strategies, and this parameter several orders.
        Order = IsGiven(nameof(Order)) ? Order : [];
        Prepare();
    });

    /// <inheritdoc/>
    private protected override void Prepare()
    {
        _options = new MeasureOptions
        {
            Variants = MeasuredVariant.All(Method, Order),
            Repeat = Repeat,
            WarmUps = WarmUp,
            Seed = Seed,
            Settle = Settle,
            TimeLimit = TimeLimit,
            Probe = Probe is null ? null : OutsideProbe.Parse(Probe),
            ProbeKind = ProbeKind,
            Beat = Beat is null ? null : BeatKey.Parse(Beat),
            XlReceiver = XlReceiver,
            Move = new MigrationOptions
            {
                Window = Window,
                Epoch = FittingEpoch,
                BandwidthLimit = BandwidthLimit,
                Compression = Compression,
                PeerTimeout = PeerTimeout,
                SuspendTimeout = SuspendTimeout,
                OutputLimits = new OutputLimits(PacketLimit, OverlayLimit),
            },
        };
        _options.Validate();
        _link = MigrationConfiguration.ReadLink().Within(BandwidthLimit);
        _destination = Destination is null ? null : HostSelection.Destination(Destination);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachDomain(location =>
    {
        Destination destination = _destination ?? throw MoveCommand.DestinationMissing(location.Info.Name);
        destination.RequireOtherThan(location);
        MigrationMeasurement.Check(location, destination, _options, canBringBack: Return is not null);
        WarnOfUnusedCertificates(destination);
        int moves = _options.Variants.Count * (_options.WarmUps + _options.Repeat);
        if (ShouldProcess(
            Text.Format(SR.DescribeMeasure, moves, location.Info.Name, location.Host.Name, destination.Name),
            Text.Format(SR.ConfirmMeasure, location.Info.Name, location.Host.Name, destination.Name, moves),
            SR.ConfirmCaption,
            out ShouldProcessReason reason))
        {
            Measure(location, destination);
        }
        else if (reason == ShouldProcessReason.WhatIf)
        {
            Preview(location, destination);
        }
    });

    /// <summary>What -WhatIf returns: the report of each move, after the preflight of each.</summary>
    private void Preview(DomainLocation location, Destination destination)
    {
        foreach (MeasuredVariant variant in _options.Variants.Where(variant => variant.Method != MeasuredMethod.XlMigrate))
        {
            ForEachInput(location.Info.Name, () =>
            {
                PlannedMove move = new(location, destination, variant.Apply(_options.Move), null);
                RunJoined((_, token) =>
                {
                    destination.Ask(location, isTunnelAsked: true, PeerTimeout, token);
                    return true;
                });
                Preflight.Move(move);
                WriteObject(MoveReport.OfPlan(move, _link));
            });
        }
    }

    private void Measure(DomainLocation location, Destination destination)
    {
        string name = location.Info.Name;
        MeasureOptions options = _options;
        MigrationComparison comparison = RunJoined(
            (writer, token) =>
            {
                using DomainProgress progress = writer.ForDomain(name, Text.Format(SR.ProgressMeasuring, name));
                return new MigrationMeasurement(
                    Workspace.OfProcess,
                    location,
                    destination,
                    options,
                    new MeasureWatch(
                        run => writer.Post(() => WriteObject(run)),
                        (number, all, variant) => writer.Verbose(Text.Format(SR.VerboseMeasure, name, number, all, variant)),
                        progress.Report,
                        Return is null ? null : () => BringBack(writer, name, token))).Run(token);
            },
            Text.Format(SR.StillMeasuring, name));
        if (comparison.Stopped is { } stopped)
        {
            WriteError(ErrorRecords.From(
                new CommandException(nameof(SR.MeasureStopped), ErrorCategory.InvalidResult, Text.Format(SR.MeasureStopped, name, stopped), SR.MeasureStoppedRemedy, name),
                name));
        }

        WriteObject(comparison);
    }

    /// <summary>Has the script block run on the pipeline's thread, and waits for its end.</summary>
    private void BringBack(PipelineWriter writer, string name, CancellationToken cancellationToken)
    {
        using ManualResetEventSlim ended = new();
        Exception? failed = null;
        writer.Post(() =>
        {
            try
            {
                Return!.Invoke(name);
            }
            catch (RuntimeException error)
            {
                failed = error;
            }
            finally
            {
                ended.Set();
            }
        });
        ended.Wait(cancellationToken);
        if (failed is not null)
        {
            throw new MigrationException(
                MigrationErrorId.AbortedByPeer, Text.Format(SR.ReturnFailed, name, failed.Message), SR.MeasureStoppedRemedy, name, failed);
        }
    }
}

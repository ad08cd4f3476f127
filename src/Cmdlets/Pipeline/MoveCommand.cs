using System.Management.Automation;
using PreRecordMigration.Estimates;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that move domains: which, where to, how; and the preflight of each.</summary>
public abstract class MoveCommand : RecordingOptionsCommand
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

    /// <summary>How memory travels; Auto watches the running domain first, as Test-Migration does, and takes what that advises.</summary>
    [Parameter]
    [Column]
    [DecidedByRecording]
    public MigrationMethodChoice Method { get; set; } = MigrationMethodChoice.PreRecord;

    /// <summary>In which order pages are pushed, the first strategy's first; what suits the method where it is not given.</summary>
    [Parameter]
    [Column]
    [Given]
    public PageOrderStrategy[]? Order { get; set; }

    /// <summary>Most bytes a second for pushed pages; demand faults are not limited.</summary>
    [Parameter]
    [Column]
    [Size(IsRate = true)]
    public long? BandwidthLimit { get; set; }

    /// <summary>Whether pushed pages are compressed, where the destination takes them so; Auto where it is measured to be faster.</summary>
    [Parameter]
    [Column]
    public PageCompression Compression { get; set; } = new MigrationOptions().Compression;

    /// <summary>How long the destination may be silent before the connection to it counts as lost.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan PeerTimeout { get; set; } = new MigrationOptions().PeerTimeout;

    /// <summary>The longest that the domain may be predicted to stand still for what the rounds of pre-copy have left.</summary>
    [Parameter]
    [Column]
    [LastRoundOnly]
    [Duration]
    public TimeSpan MaximumDowntime { get; set; } = new MigrationOptions().MaximumDowntime;

    /// <summary>What is done where the last round that is allowed leaves more than that.</summary>
    [Parameter]
    [Column]
    [LastRoundOnly]
    public LongDowntimeAction DowntimeAction { get; set; } = new MigrationOptions().DowntimeAction;

    /// <summary>Refuses to begin where the domain is expected to be split over two hosts for longer; while it is, lifts the bandwidth limit for it.</summary>
    [Parameter]
    [Column]
    [Duration]
    public TimeSpan? MaximumExposure { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        MigrationConfiguration.ApplyTo(this);
        Prepare();
    });

    /// <inheritdoc/>
    private protected override void Prepare()
    {
        _options = WithBounds(MakeOptions(MethodDecision.Concrete(Method))) with { Order = Order };
        _options.Validate();
        _link = MigrationConfiguration.ReadLink().Within(BandwidthLimit);
        _destination = Destination is null ? null : HostSelection.Destination(Destination);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachDomain(location =>
    {
        Destination destination = _destination ?? throw DestinationMissing(location.Info.Name);
        if (!IsAuto)
        {
            Consider(PlanOf(location, destination, _options, null));
        }
        else if (IsWhatIf)
        {
            PreviewAuto(location, destination);
        }
        else
        {
            MigrationReport report = Sample(location, destination, _options, _link, MaximumExposure);
            WriteStep(Text.Format(SR.VerboseMode, location.Info.Name, string.Join(' ', report.Reasons)));
            Consider(OfAdvice(location, destination, report));
        }
    });

    /// <summary>The error of a domain of which nothing says where it is to go.</summary>
    internal static CommandException DestinationMissing(string domain) => new(
        nameof(SR.DestinationMissing),
        ErrorCategory.InvalidArgument,
        Text.Format(SR.DestinationMissing, domain),
        SR.DestinationMissingRemedy,
        domain);

    /// <inheritdoc/>
    private protected override void ForInput(PSObject input, Action<DomainLocation> action)
    {
        InputRow row = new(input);
        MigrationPlan? plan = input.BaseObject as MigrationPlan
            ?? row.ValueOf<MigrationPlan>("PreRecord") ?? row.ValueOf<MigrationPlan>("Report") ?? row.ValueOf<MigrationPlan>("Plan");
        if (plan is null && row is { IsCopy: true, OwnType: nameof(PreRecord) })
        {
            ForEachInput(row.Name, () => ConsiderRecording(RecordingSelection.Original(row)));
        }
        else if (plan is null && row is { IsCopy: true, OwnType: nameof(MigrationReport) })
        {
            ForEachInput(row.Name, () => Consider(OfReport(PlanCopy.Report(row))));
        }
        else if (plan is not null)
        {
            ForEachInput(plan.Name, () =>
            {
                PrepareAgain();
                if (plan is PreRecord recorded)
                {
                    ConsiderRecording(recorded);
                }
                else
                {
                    Consider(OfReport((MigrationReport)plan));
                }
            });
        }
        else
        {
            base.ForInput(input, action);
        }
    }

    /// <summary>Begins a move that has been checked and is meant.</summary>
    private protected abstract void Begin(PlannedMove move);

    /// <summary>Returns what a move would be, where -WhatIf was given.</summary>
    private protected abstract void Preview(MigrationReport report);

    /// <summary>Whether a sample decides about the method. A mode that is given is pre-record's, unless a sample is to choose it, too.</summary>
    private bool IsAuto => Method == MigrationMethodChoice.Auto && (!IsGiven(nameof(Mode)) || Mode == RecordingModeChoice.Auto);

    /// <summary>What -WhatIf returns where a sample would decide, which touches the domain: what is possible, and none of it advised.</summary>
    private void PreviewAuto(DomainLocation location, Destination destination)
    {
        Ask(location, destination);
        MigrationReport report = MoveReport.OfSize(location, destination, _options, _link);
        if (report.Estimates.Count == 0)
        {
            // It says what stands against it.
            Consider(PlanOf(location, destination, _options, report));
            return;
        }

        ShouldProcess(
            Text.Format(SR.DescribeMove, Method, destination.Name, location.Info.Name, location.Host.Name), "", SR.ConfirmCaption);
        Preview(report);
    }

    /// <summary>Plans a move, and chooses its mode where the method has one that was not given.</summary>
    private PlannedMove PlanOf(DomainLocation location, Destination destination, MigrationOptions options, MigrationReport? report)
    {
        ModeDecision decision = ModeDecision.Make(Mode, location, options, report);
        return new PlannedMove(location, destination, decision.Options, null) { Report = report, ModeReason = decision.Reason };
    }

    private void ConsiderRecording(PreRecord recorded) => ForRecording(recorded, isMove: !IsWhatIf, () => Consider(OfRecording(recorded)));

    private PlannedMove OfRecording(PreRecord recorded)
    {
        if (FirstGiven<DecidedByRecordingAttribute>() is { } decided)
        {
            throw new CommandException(
                nameof(SR.OptionDecided),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.OptionDecided, decided, recorded.Name),
                SR.OptionDecidedRemedy,
                decided);
        }

        RecordingPlan recording = recorded.GetPreview() ?? Workspace.OfProcess.Recordings.Require(recorded).Plan;
        MigrationOptions options = WithBounds(recording.Options) with
        {
            RemotePF = recorded.RemotePF,
            Order = Order ?? (IReadOnlyList<PageOrderStrategy>?)recorded.Order,
        };
        options.Validate();
        return new PlannedMove(recording.Location, DestinationOf(recorded), options, recorded) { ModeReason = recorded.ModeReason };
    }

    private PlannedMove OfReport(MigrationReport report)
    {
        DomainLocation location = DomainLocation.Find(report.Name, HostSelection.Get(HostName ?? report.HostName));
        return !IsAuto && (IsGiven(nameof(Method)) || IsGiven(nameof(Mode)))
            ? PlanOf(location, DestinationOf(report), _options, report)
            : OfAdvice(location, DestinationOf(report), report);
    }

    /// <summary>Plans the move that a report advises; where it advises none, the one that was asked for, which then says why not.</summary>
    private PlannedMove OfAdvice(DomainLocation location, Destination destination, MigrationReport report)
    {
        if (report.Recommendation is not { } method)
        {
            return PlanOf(location, destination, _options, report);
        }

        MigrationOptions advised = _options with { Method = method, Mode = report.Mode ?? _options.Mode };
        return new PlannedMove(location, destination, advised, null)
        {
            Report = report,
            ModeReason = report.Mode is null ? null : string.Join(' ', report.Reasons),
        };
    }

    private Destination DestinationOf(MigrationPlan plan) =>
        _destination ?? HostSelection.Destination(plan.Destination ?? throw DestinationMissing(plan.Name));

    /// <summary>Asks the destination whether it would let a domain in. What is at the end of a tunnel a move finds out by itself; with -WhatIf there is none.</summary>
    private void Ask(DomainLocation location, Destination destination) => RunJoined((_, token) =>
    {
        destination.Ask(location, isTunnelAsked: IsWhatIf, PeerTimeout, token);
        return true;
    });

    /// <summary>Adds what bounds a move, whatever moves.</summary>
    private MigrationOptions WithBounds(MigrationOptions options) => options with
    {
        BandwidthLimit = BandwidthLimit,
        Compression = Compression,
        MaximumDowntime = MaximumDowntime,
        DowntimeAction = DowntimeAction,
        MaximumExposure = MaximumExposure,
        PeerTimeout = PeerTimeout,
    };

    /// <summary>Refuses a bound that was given and has nothing to bound. Where a sample chose the method, it bounded the choice.</summary>
    private void RequireBounded(PlannedMove move)
    {
        bool isChosen = move.Report is not null && (IsAuto || !IsGiven(nameof(Method)));
        if (!move.Options.HasLastRound && !isChosen && FirstGiven<LastRoundOnlyAttribute>() is { } useless)
        {
            throw new CommandException(
                nameof(SR.LastRoundMissing),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.LastRoundMissing, useless, move.MethodText),
                SR.LastRoundMissingRemedy,
                useless);
        }
    }

    private void Consider(PlannedMove move)
    {
        RequireBounded(move);
        Ask(move.Location, move.Destination);
        if (move.ModeReason is not null)
        {
            WriteStep(Text.Format(SR.VerboseMode, move.Location.Info.Name, move.ModeReason));
        }

        Preflight.Move(move);
        WarnOfUnusedCertificates(move.Destination);
        MigrationReport report = MoveReport.OfPlan(move, _link);
        Preflight.Exposure(move, report, MaximumExposure);
        if (move.Recorded is { IsPreview: true })
        {
            // Nothing was recorded, so nothing can move: the pipeline gets what would happen instead.
            Preview(report);
            return;
        }

        if (ShouldProcess(
            DescribeChosen(
                Text.Format(SR.DescribeMove, move.MethodText, move.Destination.Name, move.Location.Info.Name, move.Location.Host.Name), move.ModeReason),
            Text.Format(SR.ConfirmMove, move.Location.Info.Name, move.Location.Host.Name, move.Destination.Name, move.MethodText),
            SR.ConfirmCaption,
            out ShouldProcessReason reason))
        {
            Begin(move);
            return;
        }

        if (move.Recorded is not null)
        {
            LetGoDeclined(move.Recorded);
        }

        if (reason == ShouldProcessReason.WhatIf)
        {
            Preview(report);
        }
    }
}

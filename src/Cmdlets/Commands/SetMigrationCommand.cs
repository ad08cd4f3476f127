using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Limits of a migration that can be taken away while it goes on.</summary>
public enum MigrationLimit : long
{
    /// <summary>Most bytes a second for pushed pages.</summary>
    BandwidthLimit = 1,

    /// <summary>The longest that the domain may need both hosts.</summary>
    MaximumExposure = 2,
}

/// <summary>Set-Migration: changes the limits of migrations that are under way.</summary>
[Cmdlet(VerbsCommon.Set, "Migration", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(MigrationInfo))]
public sealed class SetMigrationCommand : MigrationJobCommand
{
    private LimitChange _change = new();

    /// <summary>Most bytes a second for pushed pages, from now on.</summary>
    [Parameter]
    [Size(IsRate = true)]
    public long? BandwidthLimit { get; set; }

    /// <summary>The longest that the domain may be predicted to stand still for what the rounds of pre-copy have left.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? MaximumDowntime { get; set; }

    /// <summary>The longest that the domain may need both hosts.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? MaximumExposure { get; set; }

    /// <summary>Limits that are to hold no more.</summary>
    [Parameter]
    [Given]
    public MigrationLimit[] Clear { get; set; } = [];

    /// <summary>Returns the migrations as they are afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => ForCommand(() =>
    {
        if (BandwidthLimit is null && MaximumDowntime is null && MaximumExposure is null && Clear.Length == 0)
        {
            throw new CommandException(nameof(SR.LimitMissing), ErrorCategory.InvalidArgument, SR.LimitMissing, SR.LimitMissingRemedy, null);
        }

        _change = new LimitChange
        {
            BandwidthLimit = BandwidthLimit,
            MaximumDowntime = MaximumDowntime,
            MaximumExposure = MaximumExposure,
            LiftsBandwidthLimit = IsCleared(MigrationLimit.BandwidthLimit, BandwidthLimit),
            LiftsMaximumExposure = IsCleared(MigrationLimit.MaximumExposure, MaximumExposure),
        };
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachMigration(job => job.HoldsDomain, Change);

    /// <inheritdoc/>
    private protected override string? NothingMeant => SR.NothingToSet;

    private bool IsCleared(MigrationLimit limit, object? value) => Clear.Contains(limit) && (value is null
        ? true
        : throw new CommandException(
            nameof(SR.LimitContradicted), ErrorCategory.InvalidArgument, Text.Format(SR.LimitContradicted, limit), SR.LimitContradictedRemedy, limit));

    private void Change(MigrationJob job)
    {
        job.RequireChangeable(_change);
        if (!ShouldProcess(
            Text.Format(SR.TargetDomain, job.Location.Info.Name, job.Location.Host.Name),
            Text.Format(SR.ActionSetLimits, job.Id, string.Join(", ", Words()))))
        {
            return;
        }

        job.ChangeLimits(_change);
        if (PassThru)
        {
            WriteObject(job.Describe());
        }
    }

    private IEnumerable<string> Words()
    {
        (string Name, string? Value)[] given =
        [
            (nameof(BandwidthLimit), BandwidthLimit is { } rate ? $"{Text.Bytes(rate)}/s" : null),
            (nameof(MaximumDowntime), MaximumDowntime is { } downtime ? Text.Duration(downtime) : null),
            (nameof(MaximumExposure), MaximumExposure is { } exposure ? Text.Duration(exposure) : null),
        ];
        return
        [
            .. given.Where(limit => limit.Value is not null).Select(limit => Text.Format(SR.LimitSet, limit.Name, limit.Value)),
            .. Clear.Distinct().Select(limit => Text.Format(SR.LimitLifted, limit)),
        ];
    }
}

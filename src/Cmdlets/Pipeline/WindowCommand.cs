using System.Management.Automation;
using PreRecordMigration.Estimates;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that watch a domain for a window.</summary>
public abstract class WindowCommand : DomainCommand
{
    /// <summary>How long the domain is watched.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [DecidedByRecording]
    [Duration]
    public TimeSpan Window { get; set; } = new MigrationOptions().Window;

    /// <summary>How long an epoch lasts; at most the window.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [DecidedByRecording]
    [Duration]
    public TimeSpan Epoch { get; set; } = new MigrationOptions().Epoch;

    /// <summary>An epoch that nobody gave follows a window that is shorter; one that was given is refused by the engine.</summary>
    private protected TimeSpan FittingEpoch =>
        IsGiven(nameof(Epoch)) || Window <= TimeSpan.Zero || Epoch <= Window ? Epoch : Window;

    /// <summary>Watches a running domain, and says what each method would cost and which is advised; its destination is asked first.</summary>
    private protected MigrationReport Sample(
        DomainLocation location, Destination destination, MigrationOptions options, LinkSpeed link, TimeSpan? maximumExposure) => RunJoined(
        (writer, token) =>
        {
            using DomainProgress progress = writer.ForDomain(
                location.Info.Name, Text.Format(SR.ProgressSampling, location.Info.Name, location.Host.Name));
            destination.Ask(location, isTunnelAsked: true, options.PeerTimeout, token);
            return MoveReport.OfSample(location, destination, options, link, maximumExposure, progress, token);
        },
        Text.Format(SR.StillRecording, location.Info.Name, location.Host.Name));
}

using System.Management.Automation;
using PreRecordMigration.Options;

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
}

using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What the cmdlets share that record a domain.</summary>
public abstract class RecordingOptionsCommand : WindowCommand
{
    /// <summary>What the recording does to the domain; Auto chooses what every domain can and what costs its clients least.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [DecidedByRecording]
    public RecordingModeChoice Mode { get; set; }

    /// <summary>How long the guest may take to suspend.</summary>
    [Parameter]
    [Column]
    [DecidedByRecording]
    [Duration]
    public TimeSpan SuspendTimeout { get; set; } = new MigrationOptions().SuspendTimeout;

    /// <summary>Most memory for backups of changed pages; as much as the domain has where it is not given.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [RollbackOnly]
    [DecidedByRecording]
    [Size]
    [ValidateRange(Page.Size, long.MaxValue)]
    public long? BackupLimit { get; set; }

    /// <summary>Most bytes that each disk of the domain may have written in a window that is rolled back.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [RollbackOnly]
    [DecidedByRecording]
    [Size]
    [ValidateRange(Page.Size, long.MaxValue)]
    public long OverlayLimit { get; set; } = OutputLimits.Default.OverlayBytes;

    /// <summary>Most bytes of packets that each network card of the domain may have held back in such a window.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [RollbackOnly]
    [DecidedByRecording]
    [Size]
    [ValidateRange(Page.Size, uint.MaxValue)]
    public long PacketLimit { get; set; } = OutputLimits.Default.PacketBytes;

    /// <summary>How the rollback is proved.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [RollbackOnly]
    [DecidedByRecording]
    public RollbackProofKind RollbackProof { get; set; } = new MigrationOptions().RollbackProof;

    /// <summary>Leaves the proof of the rollback out.</summary>
    [Parameter]
    [Column]
    [PreRecordOnly]
    [RollbackOnly]
    [DecidedByRecording]
    public SwitchParameter SkipRollbackProof { get; set; }

    /// <summary>Says for -WhatIf what would be done, and why in the mode that was chosen.</summary>
    private protected static string DescribeChosen(string what, string? reason) =>
        reason is null ? what : Text.Format(SR.DescribeChosen, what, reason);

    /// <summary>Makes the engine's options out of what was given, and checks them.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    /// <exception cref="CommandException">An option was given that the method, or the mode, has no use for.</exception>
    private protected MigrationOptions MakeOptions(MigrationMethod method)
    {
        if (method != MigrationMethod.PreRecord && FirstGiven<PreRecordOnlyAttribute>() is { } useless)
        {
            throw new CommandException(
                nameof(SR.OptionNotForMethod),
                ErrorCategory.InvalidArgument,
                Text.Format(SR.OptionNotForMethod, useless, method),
                SR.OptionNotForMethodRemedy,
                useless);
        }

        if (SkipRollbackProof && IsGiven(nameof(RollbackProof)) && RollbackProof != RollbackProofKind.None)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                Text.Format(SR.ProofContradicted, RollbackProof),
                SR.ProofContradictedRemedy,
                nameof(RollbackProof));
        }

        if (Mode == RecordingModeChoice.Observe && FirstGiven<RollbackOnlyAttribute>() is { } idle)
        {
            throw new CommandException(
                nameof(SR.OptionNotForMode), ErrorCategory.InvalidArgument, Text.Format(SR.OptionNotForMode, idle), SR.OptionNotForModeRemedy, idle);
        }

        MigrationOptions options = new()
        {
            Method = method,
            Mode = ModeDecision.Concrete(Mode),
            Window = Window,
            Epoch = FittingEpoch,
            SuspendTimeout = SuspendTimeout,
            BackupLimitPages = BackupLimit is { } bytes ? (int)Math.Min(bytes / Page.Size, int.MaxValue) : null,
            OutputLimits = new OutputLimits(PacketLimit, OverlayLimit),
            RollbackProof = SkipRollbackProof ? RollbackProofKind.None : RollbackProof,
        };
        options.Validate();
        return options;
    }
}

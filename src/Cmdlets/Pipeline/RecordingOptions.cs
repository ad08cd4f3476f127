using System.Management.Automation;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Cmdlets;

/// <summary>Makes the engine's options out of what was given to a cmdlet.</summary>
internal static class RecordingOptions
{
    /// <summary>Makes and checks options.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    /// <exception cref="CommandException">An option was given that the method has no use for.</exception>
    public static MigrationOptions Make(
        PSCmdlet cmdlet,
        MigrationMethod method,
        RecordingMode mode,
        TimeSpan window,
        TimeSpan epoch,
        TimeSpan suspendTimeout,
        long? backupLimit,
        bool skipProof)
    {
        foreach (string option in method == MigrationMethod.PreRecord ? [] : new[] { "Mode", "Window", "Epoch", "BackupLimit", "SkipRollbackProof" })
        {
            if (cmdlet.MyInvocation.BoundParameters.ContainsKey(option))
            {
                throw new CommandException(
                    nameof(SR.OptionNotForMethod),
                    ErrorCategory.InvalidArgument,
                    Text.Format(SR.OptionNotForMethod, option, method),
                    SR.OptionNotForMethodRemedy,
                    option);
            }
        }

        MigrationOptions options = new()
        {
            Method = method,
            Mode = mode,
            Window = window,
            Epoch = ClampDefault(cmdlet, epoch, window),
            SuspendTimeout = suspendTimeout,
            BackupLimitPages = backupLimit is { } bytes ? (int)Math.Min(bytes / Page.Size, int.MaxValue) : null,
            ProveRollback = !skipProof,
        };
        options.Validate();
        return options;
    }

    /// <summary>Refuses a time that a timer cannot wait for.</summary>
    public static void RequireTimer(string option, TimeSpan time)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, Text.Format(SR.HoldTimeRange, option, time), SR.HoldTimeRangeRemedy, option);
        }
    }

    /// <summary>An epoch that nobody gave follows a window that is shorter; one that was given is refused by the engine.</summary>
    private static TimeSpan ClampDefault(PSCmdlet cmdlet, TimeSpan epoch, TimeSpan window) =>
        cmdlet.MyInvocation.BoundParameters.ContainsKey("Epoch") || window <= TimeSpan.Zero || epoch <= window ? epoch : window;
}

using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>
/// An error of the session or of an argument, which the engine knows nothing of. Its texts may be shown, as those of the engine's.
/// </summary>
internal sealed class CommandException : Exception
{
    /// <summary>Describes an error.</summary>
    /// <param name="errorId">Its stable id: the name of its message in the resources.</param>
    /// <param name="category">An honest category.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="target">The offending object.</param>
    public CommandException(string errorId, ErrorCategory category, string message, string remedy, object? target)
        : base(ForeignText.Show(message))
    {
        ErrorId = errorId;
        Category = category;
        Remedy = ForeignText.Show(remedy);
        Target = target;
    }

    /// <summary>The stable id.</summary>
    public string ErrorId { get; }

    /// <summary>The category.</summary>
    public ErrorCategory Category { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>The offending object.</summary>
    public object? Target { get; }
}

/// <summary>Makes error records out of exceptions.</summary>
internal static class ErrorRecords
{
    /// <summary>The record of an exception: stable id, honest category, target object, recommended action.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="target">The offending object, where the exception does not name one.</param>
    public static ErrorRecord From(Exception error, object? target)
    {
        (string id, ErrorCategory category, string remedy, object? offender) = error switch
        {
            MigrationException { ErrorId: MigrationErrorId.DomainBusy, Target: string domain } busy
                when RecordingRegistry.HolderOf(domain) is { } held =>
                (busy.ErrorId.ToString(),
                    CategoryOf(busy.ErrorId),
                    Text.Format(SR.HeldRemedy, domain, held.Holder, held.HeldUntil),
                    target ?? busy.Target),
            MigrationException { ErrorId: MigrationErrorId.DomainBusy, Target: string domain } busy
                when MigrationRegistry.HolderOf(domain) is { } job =>
                (busy.ErrorId.ToString(),
                    CategoryOf(busy.ErrorId),
                    Text.Format(job.IsActive ? SR.MovingRemedy : SR.InterruptedRemedy, domain, job.Id, job.Destination.Name),
                    target ?? busy.Target),
            MigrationException migration =>
                (migration.ErrorId.ToString(), CategoryOf(migration.ErrorId), migration.Remedy, target ?? migration.Target),
            CommandException command => (command.ErrorId, command.Category, command.Remedy, command.Target ?? target),
            _ => (nameof(SR.Unexpected), ErrorCategory.NotSpecified, SR.UnexpectedRemedy, target),
        };
        return new ErrorRecord(error, id, category, offender)
        {
            ErrorDetails = new ErrorDetails(ForeignText.Show(error.Message)) { RecommendedAction = remedy },
        };
    }

    /// <summary>The same error, with more that can be done about it.</summary>
    /// <param name="error">A <see cref="MigrationException"/> or <see cref="CommandException"/>.</param>
    /// <param name="more">What else can be done.</param>
    public static Exception WithRemedy(Exception error, string more) => error switch
    {
        MigrationException migration => new MigrationException(
            migration.ErrorId, migration.Message, $"{migration.Remedy} {more}", migration.Target, migration),
        CommandException command => new CommandException(
            command.ErrorId, command.Category, command.Message, $"{command.Remedy} {more}", command.Target),
        _ => error,
    };

    private static ErrorCategory CategoryOf(MigrationErrorId id) => id switch
    {
        MigrationErrorId.DomainNotFound or MigrationErrorId.HostNotFound => ErrorCategory.ObjectNotFound,
        MigrationErrorId.InvalidOption => ErrorCategory.InvalidArgument,
        MigrationErrorId.NotSupported or MigrationErrorId.OutputNotIsolable => ErrorCategory.InvalidOperation,
        MigrationErrorId.DomainState => ErrorCategory.InvalidOperation,
        MigrationErrorId.AccessDenied or MigrationErrorId.RefusedByPolicy => ErrorCategory.PermissionDenied,
        MigrationErrorId.LibraryMissing => ErrorCategory.NotInstalled,
        MigrationErrorId.SuspendTimeout => ErrorCategory.OperationTimeout,
        MigrationErrorId.OutOfMemory => ErrorCategory.ResourceUnavailable,
        MigrationErrorId.DestinationUnreachable or MigrationErrorId.ConnectionLost => ErrorCategory.ConnectionError,
        MigrationErrorId.NotTrusted or MigrationErrorId.FileNotTrusted => ErrorCategory.SecurityError,
        MigrationErrorId.TransportMismatch => ErrorCategory.ProtocolError,
        MigrationErrorId.ProtocolVersion or MigrationErrorId.ProtocolViolation => ErrorCategory.ProtocolError,
        MigrationErrorId.AbortedByPeer => ErrorCategory.OperationStopped,
        MigrationErrorId.DomainBusy => ErrorCategory.ResourceBusy,
        MigrationErrorId.BackupStoreFull => ErrorCategory.LimitsExceeded,
        MigrationErrorId.VerificationFailed or MigrationErrorId.InvalidFile => ErrorCategory.InvalidData,
        MigrationErrorId.DomainExists => ErrorCategory.ResourceExists,
        _ => ErrorCategory.NotSpecified,
    };
}

using System.Management.Automation;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Makes error records out of exceptions.</summary>
internal static class ErrorRecords
{
    /// <summary>Whether an exception is an error of one input, with an id and a remedy; any other is a defect.</summary>
    public static bool IsOfInput(Exception error) => error is MigrationException or OperationException or CommandException;

    /// <summary>Whether an error is a mistake in what was given, and says nothing of what it was given for.</summary>
    public static bool IsMistake(Exception error) => error
        is CommandException { Category: ErrorCategory.InvalidArgument }
        or OperationException { Problem: OperationProblem.Argument }
        or MigrationException { ErrorId: MigrationErrorId.InvalidOption or MigrationErrorId.HostNotFound };

    /// <summary>The record of an exception: stable id, honest category, target object, recommended action.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="target">The offending object, where the exception does not name one.</param>
    public static ErrorRecord From(Exception error, object? target)
    {
        (string id, ErrorCategory category, string remedy, object? offender) = error switch
        {
            MigrationException migration =>
                (migration.ErrorId.ToString(), CategoryOf(migration.ErrorId), Workspace.OfProcess.RemedyFor(migration), target ?? migration.Target),
            OperationException operation =>
                (operation.ErrorId, CategoryOf(operation.Problem), operation.Remedy, operation.Target ?? target),
            CommandException command => (command.ErrorId, command.Category, command.Remedy, command.Target ?? target),
            _ => (nameof(SR.Unexpected), ErrorCategory.NotSpecified, SR.UnexpectedRemedy, target),
        };
        return new ErrorRecord(error, id, category, offender)
        {
            ErrorDetails = new ErrorDetails(ForeignText.Show(error.Message)) { RecommendedAction = remedy },
        };
    }

    /// <summary>The same error, with more that can be done about it.</summary>
    /// <param name="error">A <see cref="MigrationException"/>, <see cref="OperationException"/> or <see cref="CommandException"/>.</param>
    /// <param name="more">What else can be done.</param>
    public static Exception WithRemedy(Exception error, string more) => error switch
    {
        MigrationException migration => new MigrationException(
            migration.ErrorId, migration.Message, $"{migration.Remedy} {more}", migration.Target, migration),
        OperationException operation => operation.WithRemedy($"{operation.Remedy} {more}"),
        CommandException command => new CommandException(
            command.ErrorId, command.Category, command.Message, $"{command.Remedy} {more}", command.Target),
        _ => error,
    };

    private static ErrorCategory CategoryOf(OperationProblem problem) => problem switch
    {
        OperationProblem.NotFound => ErrorCategory.ObjectNotFound,
        OperationProblem.Exists => ErrorCategory.ResourceExists,
        OperationProblem.Busy => ErrorCategory.ResourceBusy,
        OperationProblem.Argument => ErrorCategory.InvalidArgument,
        OperationProblem.State => ErrorCategory.InvalidOperation,
        OperationProblem.Security => ErrorCategory.SecurityError,
        OperationProblem.Limit => ErrorCategory.LimitsExceeded,
        OperationProblem.Stopped => ErrorCategory.OperationStopped,
        OperationProblem.Result => ErrorCategory.InvalidResult,
        OperationProblem.Authentication => ErrorCategory.AuthenticationError,
        OperationProblem.Data => ErrorCategory.InvalidData,
        OperationProblem.Access => ErrorCategory.PermissionDenied,
        OperationProblem.Reading => ErrorCategory.ReadError,
        _ => ErrorCategory.NotSpecified,
    };

    private static ErrorCategory CategoryOf(MigrationErrorId id) => id switch
    {
        MigrationErrorId.DomainNotFound or MigrationErrorId.HostNotFound => ErrorCategory.ObjectNotFound,
        MigrationErrorId.InvalidOption => ErrorCategory.InvalidArgument,
        MigrationErrorId.NotSupported or MigrationErrorId.OutputNotIsolable or MigrationErrorId.HostIncompatible => ErrorCategory.InvalidOperation,
        MigrationErrorId.DomainState => ErrorCategory.InvalidOperation,
        MigrationErrorId.AccessDenied or MigrationErrorId.RefusedByPolicy => ErrorCategory.PermissionDenied,
        MigrationErrorId.LibraryMissing => ErrorCategory.NotInstalled,
        MigrationErrorId.SuspendTimeout => ErrorCategory.OperationTimeout,
        MigrationErrorId.OutOfMemory or MigrationErrorId.DeviceMissing => ErrorCategory.ResourceUnavailable,
        MigrationErrorId.DestinationUnreachable or MigrationErrorId.ConnectionLost => ErrorCategory.ConnectionError,
        MigrationErrorId.NotTrusted or MigrationErrorId.FileNotTrusted => ErrorCategory.SecurityError,
        MigrationErrorId.TransportMismatch => ErrorCategory.ProtocolError,
        MigrationErrorId.ProtocolVersion or MigrationErrorId.ProtocolViolation => ErrorCategory.ProtocolError,
        MigrationErrorId.AbortedByPeer => ErrorCategory.OperationStopped,
        MigrationErrorId.DomainBusy => ErrorCategory.ResourceBusy,
        MigrationErrorId.BackupStoreFull or MigrationErrorId.DowntimeTooLong => ErrorCategory.LimitsExceeded,
        MigrationErrorId.VerificationFailed or MigrationErrorId.InvalidFile => ErrorCategory.InvalidData,
        MigrationErrorId.DomainExists => ErrorCategory.ResourceExists,
        _ => ErrorCategory.NotSpecified,
    };
}

using System.Runtime.ExceptionServices;
using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Xen.Life;

/// <summary>Taking down in several steps, each of which may fail: all are gone through, and no error hides another.</summary>
internal static class Cleanup
{
    /// <summary>Goes through every step, whatever fails.</summary>
    /// <exception cref="Exception">The first error. Where there are several it names the others, and holds all in an
    /// <see cref="AggregateException"/>.</exception>
    internal static void All(params ReadOnlySpan<Action> steps)
    {
        List<Exception>? errors = null;
        foreach (Action step in steps)
        {
            Try(step, ref errors);
        }

        if (errors is not null)
        {
            throw Join(errors);
        }
    }

    /// <summary>Goes through every step after something failed.</summary>
    /// <returns>What failed first, with what failed after it; to be thrown.</returns>
    internal static Exception After(Exception first, params ReadOnlySpan<Action> steps)
    {
        List<Exception>? errors = [first];
        foreach (Action step in steps)
        {
            Try(step, ref errors);
        }

        return errors!.Count == 1 ? first : Join(errors);
    }

    private static void Try(Action step, ref List<Exception>? errors)
    {
        try
        {
            step();
        }
#pragma warning disable CA1031 // Every failure is kept, and the next step is taken all the same.
        catch (Exception error)
#pragma warning restore CA1031
        {
            (errors ??= []).Add(error);
        }
    }

    private static Exception Join(List<Exception> errors)
    {
        if (errors.Count == 1)
        {
            ExceptionDispatchInfo.Throw(errors[0]);
        }

        string others = string.Join(" ", errors.Skip(1).Select(error => error.Message));
        AggregateException all = new(errors);
        return errors[0] switch
        {
            OperationCanceledException cancelled => new OperationCanceledException(
                $"{cancelled.Message} Then also failed: {others}", all, cancelled.CancellationToken),
            MigrationException error => new MigrationException(
                error.ErrorId, $"{error.Message} Then also failed: {others}", error.Remedy, error.Target, all),
            _ => all,
        };
    }
}

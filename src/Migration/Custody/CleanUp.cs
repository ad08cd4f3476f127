using System.Runtime.ExceptionServices;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Custody;

/// <summary>Steps that are all taken, whichever of them fail; the first failure is kept and the others go with it.</summary>
public sealed class CleanUp
{
    /// <summary>How often a step that must not be left undone is tried.</summary>
    private const int Tries = 3;

    private readonly List<Exception> _errors = [];

    /// <summary>What failed, in order.</summary>
    public IReadOnlyList<Exception> Errors => _errors;

    /// <summary>Takes a step.</summary>
    /// <returns>Whether it succeeded.</returns>
    public bool Try(Action step)
    {
        try
        {
            step();
            return true;
        }
#pragma warning disable CA1031 // The next steps are taken whatever this one throws; its error is kept.
        catch (Exception error)
#pragma warning restore CA1031
        {
            _errors.Add(error);
            return false;
        }
    }

    /// <summary>Takes a step that can be made again where it failed: a hypercall that fails once may only have been interrupted.</summary>
    /// <returns>Whether it succeeded in the end; then its failures before do not count.</returns>
    public bool Insist(Action step)
    {
        int before = _errors.Count;
        for (int i = 0; i < Tries; i++)
        {
            if (Try(step))
            {
                _errors.RemoveRange(before, _errors.Count - before);
                return true;
            }
        }

        // All failures of one step count as one: the first says why.
        _errors.RemoveRange(before + 1, _errors.Count - before - 1);
        return false;
    }

    /// <summary>Throws the first failure, with the others attached to it.</summary>
    public void ThrowIfFailed()
    {
        if (_errors.Count > 0)
        {
            ExceptionDispatchInfo.Throw(Attach(_errors[0], _errors.Skip(1)));
        }
    }

    /// <summary>Takes every step, whatever fails.</summary>
    /// <exception cref="Exception">The first error, with the others attached to it.</exception>
    public static void All(params ReadOnlySpan<Action> steps) => Take(steps).ThrowIfFailed();

    /// <summary>Takes every step after something failed.</summary>
    /// <returns>What failed first, with what failed after it; to be thrown.</returns>
    public static Exception After(Exception first, params ReadOnlySpan<Action> steps) => Attach(first, Take(steps).Errors);

    /// <summary>An error together with what failed after it.</summary>
    /// <param name="first">What went wrong first.</param>
    /// <param name="later">What failed while that was being cleaned up.</param>
    public static Exception Attach(Exception first, IEnumerable<Exception> later)
    {
        Exception[] others = [.. later];
        if (others.Length == 0)
        {
            return first;
        }

        string afterwards = string.Join(" ", others.Select(error => error.Message));
        return new MigrationException(
            (first as MigrationException)?.ErrorId ?? (first is OperationCanceledException ? MigrationErrorId.Cancelled : MigrationErrorId.HypervisorCall),
            $"{first.Message} Then this failed too: {afterwards}",
            (first as MigrationException)?.Remedy ?? (others[0] as MigrationException)?.Remedy ?? "See the inner exceptions.",
            (first as MigrationException)?.Target,
            new AggregateException([first, .. others]));
    }

    private static CleanUp Take(ReadOnlySpan<Action> steps)
    {
        CleanUp cleaning = new();
        foreach (Action step in steps)
        {
            cleaning.Try(step);
        }

        return cleaning;
    }
}

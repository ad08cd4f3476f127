using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Should;

/// <summary>One assertion: the value, what is expected of it, and how the call was made.</summary>
internal sealed record ShouldCall(ShouldCommand Command, object? Actual)
{
    /// <summary>Whether <c>-Not</c> was given.</summary>
    public bool Negate => Command.Not;

    /// <summary>The expected value, as given.</summary>
    public object? Expected => Command.ExpectedValue;

    /// <summary>The reason as part of a sentence, or nothing.</summary>
    public string Because => string.IsNullOrWhiteSpace(Command.Because) ? "" : $" because {Command.Because},";

    /// <summary>"not " where the assertion is negated.</summary>
    public string NotWord => Negate ? "not " : "";
}

/// <summary>What an assertion found: a message if it failed, and data to write to the pipeline if it has any.</summary>
internal readonly record struct Verdict(string? Failure, object? Data = null)
{
    /// <summary>The assertion holds.</summary>
    public static Verdict Passed => default;

    /// <summary>Passed if the condition holds (or does not hold, when negated), else the message.</summary>
    public static Verdict Of(ShouldCall call, bool holds, string failure) =>
        holds != call.Negate ? Passed : new Verdict(failure);
}

/// <summary>An operator of <c>Should</c>, with Pester 5's meaning.</summary>
internal abstract class ShouldOperator
{
    /// <summary>Whether all piped values are tested together as an array; else each is tested by itself.</summary>
    public virtual bool TakesWholeInput => false;

    /// <summary>Tests one value.</summary>
    /// <exception cref="RuntimeException">The values cannot be compared, or the call makes no sense.</exception>
    public abstract Verdict Test(ShouldCall call);
}

namespace PreRecordMigration.Tests.Custody;

/// <summary>What can happen next.</summary>
internal enum StepKind
{
    DeliverToSource,
    DeliverToDestination,
    SourceActs,
    DestinationActs,
    SourceStops,
    SourcePushedAll,

    /// <summary>The last page is placed; that it was the last is another step.</summary>
    DestinationPlaces,
    DestinationPlacedAll,
    SourceLoses,
    DestinationLoses,
    SourceNotices,
    DestinationNotices,
    SourceFails,
    DestinationFails,
    SourceCancels,
    ReceiverStops,
    Resume,

    /// <summary>Another tool goes on with what the source's tool left that was killed.</summary>
    TakeOver,

    /// <summary>Another tool goes on with what the destination's tool left that was killed.</summary>
    Adopt,
    SourceCleansUp,
    DestinationCleansUp,
    SourceDies,
    DestinationDies,
    SourceOpens,
    DestinationOpens,

    /// <summary>The administrator, or whoever stops the receiver, does what is left to do with a domain that is whole or never
    /// ran.</summary>
    DestinationDecides,

    /// <summary>The administrator gives the half up that waits at the destination.</summary>
    DestinationGivesUp,

    /// <summary>The administrator gives the half up that stands at the source.</summary>
    SourceGivesUp,
}

/// <summary>How the calls of one step go: the n-th of them fails, alone or with all that come after it, with or without its effect.</summary>
/// <param name="At">Which, from 1; 0 where all succeed.</param>
/// <param name="TakesEffect">Whether it has its effect and reports an error all the same.</param>
/// <param name="ForGood">Whether all that come after it fail too.</param>
internal readonly record struct Outcome(int At, bool TakesEffect, bool ForGood)
{
    private static readonly bool[] s_either = [false, true];

    /// <summary>Every way in which one of so many calls can fail.</summary>
    public static IEnumerable<Outcome> Of(int calls) =>
        from at in Enumerable.Range(1, calls)
        from takesEffect in s_either
        from forGood in s_either
        select new Outcome(at, takesEffect, forGood);
}

/// <summary>A step, and how the hypervisor's calls in it go.</summary>
internal readonly record struct Step(StepKind Kind, Outcome Outcome = default)
{
    /// <summary>Whether something goes wrong in the step, or somebody gives up: a migration has a limited number of these.</summary>
    public bool IsFault => Outcome.At > 0 || Kind is StepKind.SourceLoses or StepKind.DestinationLoses or StepKind.SourceFails
        or StepKind.DestinationFails or StepKind.SourceCancels or StepKind.ReceiverStops or StepKind.SourceDies or StepKind.DestinationDies
        or StepKind.DestinationGivesUp or StepKind.SourceGivesUp;

    /// <summary>Whether somebody comes to look after what has ended: it need not happen.</summary>
    public bool IsMending => Kind is StepKind.Resume or StepKind.TakeOver or StepKind.Adopt or StepKind.SourceOpens or StepKind.DestinationOpens or StepKind.DestinationDecides;

    public override string ToString() => Outcome.At == 0 ? $"{Kind}" : $"{Kind} ({Outcome})";
}

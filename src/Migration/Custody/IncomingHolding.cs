namespace PreRecordMigration.Custody;

/// <summary>Who holds a domain at its destination: the one answer to "may it run here?".</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>state</term><description>May it run here? · What does the next tool do, should this one die? · What does
/// disposal do?</description></listheader>
/// <item><term><see cref="None"/></term><description>There is none · nothing · nothing.</description></item>
/// <item><term><see cref="Preparing"/></term><description>No · destroys it · destroys it.</description></item>
/// <item><term><see cref="Started"/></term><description>Yes, and it may be the only copy · keeps it, and takes its migration over when its source comes back · keeps it.</description></item>
/// <item><term><see cref="Whole"/></term><description>Yes, nothing of it is missing · keeps it running · keeps it running.</description></item>
/// <item><term><see cref="Taken"/></term><description>Yes, it is this host's own · nothing · nothing.</description></item>
/// <item><term><see cref="Gone"/></term><description>No copy is left here, which is proved · nothing · nothing.</description></item>
/// <item><term><see cref="GivenUp"/></term><description>It ran, and was destroyed by the administrator's word · nothing · nothing.</description></item>
/// </list>
/// </remarks>
public enum IncomingHolding
{
    /// <summary>It has not been made.</summary>
    None,

    /// <summary>It exists and has never run.</summary>
    Preparing,

    /// <summary>It runs, is about to, or is paused with what has arrived of it.</summary>
    Started,

    /// <summary>It runs and nothing of it is missing; it has no final name yet.</summary>
    Whole,

    /// <summary>It has its final name.</summary>
    Taken,

    /// <summary>It never ran, and is destroyed.</summary>
    Gone,

    /// <summary>It was given up, and is destroyed.</summary>
    GivenUp,
}

/// <summary>The proof that no copy of an incoming domain is left: only with it may a source be told that its domain never ran
/// there.</summary>
public sealed class CopyGone
{
    private CopyGone()
    {
    }

    /// <summary>The proof, where there is one.</summary>
    /// <exception cref="InvalidOperationException">The domain is still there, or has run.</exception>
    internal static CopyGone Of(IncomingCustody custody) => custody.Holding is IncomingHolding.None or IncomingHolding.Gone
        ? new CopyGone()
        : throw new InvalidOperationException($"The incoming domain is {custody.Holding}: nothing proves that it is gone.");
}

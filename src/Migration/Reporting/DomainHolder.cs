namespace PreRecordMigration.Reporting;

/// <summary>Who has a domain that moves, as its source knows it.</summary>
public enum DomainHolder : long
{
    /// <summary>It runs at the source.</summary>
    Source,

    /// <summary>It stands still at the source, for a moment; nobody else has its state.</summary>
    SourceStopped,

    /// <summary>It has left: it stands still at the source for good unless it never ran elsewhere, and runs at the destination or
    /// waits there. Which of the two has not been heard.</summary>
    Leaving,

    /// <summary>It runs at the destination, and what is missing there of its memory is at the source.</summary>
    Both,

    /// <summary>All of it is at the destination.</summary>
    Destination,

    /// <summary>It was given up.</summary>
    Nobody,
}

/// <summary>Tells, while a migration goes on and from any thread, who has its domain.</summary>
public sealed class DomainWatch
{
    private volatile Func<DomainHolder>? _ask;
    private volatile object _last = DomainHolder.Source;

    /// <summary>Who has the domain now, or had it when the migration ended. Before the migration has begun that is the source.</summary>
    public DomainHolder Holder => _ask?.Invoke() ?? (DomainHolder)_last;

    internal void Follow(Func<DomainHolder> ask) => _ask = ask;

    /// <summary>Notes that the migration has ended: who had the domain then is kept, and the migration itself is let go.</summary>
    internal void End()
    {
        _last = Holder;
        _ask = null;
    }
}

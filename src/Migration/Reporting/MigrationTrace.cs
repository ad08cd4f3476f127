namespace PreRecordMigration.Reporting;

/// <summary>
/// One step of a recording or of the protocol at a source, for whoever looks for what went wrong. It says which record and
/// how large, never what was in it: neither memory nor anything secret can get into a trace.
/// </summary>
/// <param name="Kind">What kind of step.</param>
/// <param name="Name">The record's type, the states before and after, or what was done.</param>
/// <param name="Connection">The connection, bulk or demand; empty where it was none.</param>
/// <param name="Bytes">The record's size with its header; 0 where it is no record.</param>
public readonly record struct MigrationTrace(MigrationTraceKind Kind, string Name, string Connection, int Bytes)
{
    /// <summary>The step in words, such as "sent Prepare on bulk, 1,830 bytes".</summary>
    public override string ToString() => Kind switch
    {
        MigrationTraceKind.Sent => FormattableString.Invariant($"sent {Name} on {Connection}, {Bytes:N0} bytes"),
        MigrationTraceKind.Received => FormattableString.Invariant($"received {Name} on {Connection}, {Bytes:N0} bytes"),
        MigrationTraceKind.State => $"state {Name}",
        _ => Name,
    };

    internal static MigrationTrace Step(string what) => new(MigrationTraceKind.Step, what, "", 0);

    internal static MigrationTrace State(object before, object after) =>
        new(MigrationTraceKind.State, $"{before.GetType().Name} -> {after.GetType().Name}", "", 0);
}

/// <summary>What kind of step a trace tells of.</summary>
public enum MigrationTraceKind
{
    /// <summary>A record was sent.</summary>
    Sent,

    /// <summary>A record was received.</summary>
    Received,

    /// <summary>The session went from one state to the next.</summary>
    State,

    /// <summary>Something was done to the domain.</summary>
    Step,
}

using PreRecordMigration.Options;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>A migration and what goes wrong in it.</summary>
/// <param name="Method">How memory travels.</param>
/// <param name="Mode">What a recording does; of methods that record.</param>
/// <param name="RemotePF">Whether memory arrives after the domain runs there.</param>
/// <param name="Vcpus">How many the domain has.</param>
/// <param name="Disturbances">What goes wrong, in order.</param>
public sealed record MatrixCase(MigrationMethod Method, RecordingMode Mode, bool RemotePF, int Vcpus, IReadOnlyList<Disturbance> Disturbances)
{
    private static readonly bool[] s_either = [true, false];

    /// <summary>Every way to move a domain, by reflection: a mode matters to methods that record alone, and RemotePF to those that do not
    /// send everything before. With RemotePF several vCPUs wait for pages at once.</summary>
    public static IEnumerable<MatrixCase> Plain =>
        from method in Enum.GetValues<MigrationMethod>()
        from mode in Enum.GetValues<RecordingMode>()
        where method == MigrationMethod.PreRecord || mode == RecordingMode.Observe
        from remotePF in s_either
        where method != MigrationMethod.PreCopy || !remotePF
        select new MatrixCase(method, mode, remotePF, remotePF ? 2 : 1, []);

    public MatrixCase With(Disturbance disturbance) => this with { Disturbances = [.. Disturbances, disturbance] };

    public string Way => $"{Method}{(Method == MigrationMethod.PreRecord ? $" {Mode}" : "")}{(RemotePF || Method == MigrationMethod.PreCopy ? "" : ", RemotePF off")}";

    public override string ToString() => $"{Way}, {Vcpus} vCPUs: {string.Join(", then ", Disturbances)}";
}

/// <summary>What became of the domain.</summary>
public enum Fate
{
    /// <summary>It runs at its source, as if nothing had been.</summary>
    Stayed,

    /// <summary>It runs at its destination.</summary>
    Moved,

    /// <summary>It runs at its destination after at least one resumption.</summary>
    Resumed,

    /// <summary>It stands still, because one of the processes that had it is gone; what is lost is said.</summary>
    Lost,
}

/// <summary>What came of a case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Fate">What became of the domain.</param>
/// <param name="Why">What was reported where it is lost.</param>
/// <param name="Come">How many of the disturbances came: the others met nothing.</param>
/// <param name="Ends">Where both sides stood at the end of each attempt.</param>
/// <param name="Log">Every point that was passed.</param>
/// <param name="LogAtLast">The points before the last disturbance.</param>
/// <param name="Problem">What must never be; null where all is well.</param>
public sealed record MatrixOutcome(
    MatrixCase Case, Fate Fate, string Why, int Come, IReadOnlyList<string> Ends, Passage[] Log, int LogAtLast, string? Problem);

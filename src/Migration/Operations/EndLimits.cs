using PreRecordMigration.Methods;

namespace PreRecordMigration.Operations;

/// <summary>How long an end waits for something.</summary>
internal static class EndLimits
{
    /// <summary>How long something may take to stop; a hypercall on a large domain takes seconds.</summary>
    public static readonly TimeSpan Stop = TimeSpan.FromSeconds(20);

    /// <summary>How long the destination may take over the final name once every page is there, at its longest.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMinutes(1);

    /// <summary>How long nothing may come of a migration.</summary>
    /// <param name="job">The migration.</param>
    public static TimeSpan Of(MigrationJob job) => job.HasLeft ? job.PeerTimeout + s_settle : Stop;

    /// <summary>How long nothing may come of what comes in and has run.</summary>
    /// <param name="receiver">Its receiver.</param>
    public static TimeSpan Of(MigrationReceiver receiver) => receiver.MaximumSilence + s_settle;
}

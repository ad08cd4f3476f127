using PreRecordMigration.Errors;

namespace PreRecordMigration.Options;

/// <summary>
/// How long a peer may be silent before the connection to it counts as lost: the one time limit that everything of a
/// connection follows from, from being opened to its beats and to what the kernel and ssh are told.
/// </summary>
/// <remarks>
/// Why 30 s is the default: a packet that TCP sends again after losses comes within a few seconds, some ten where five in a row
/// are lost; a collection of garbage or a host that is emulated takes a process off the processor for seconds, hardly ever for
/// ten. On the other hand nobody looks on at a domain that stands
/// for more than half a minute: until the commit the end of the time lets it run on at the source, after it the migration can
/// be resumed.
/// </remarks>
public static class PeerTimeout
{
    /// <summary>
    /// How often a side beats that has nothing else to say: the same for all, so that nobody needs to know how long the other
    /// side waits.
    /// </summary>
    public static TimeSpan BeatInterval { get; } = TimeSpan.FromSeconds(1);

    /// <summary>The time where nobody chose another.</summary>
    public static TimeSpan Default { get; } = TimeSpan.FromSeconds(30);

    /// <summary>The shortest: one lost packet, or one beat that comes late, is no lost connection.</summary>
    public static TimeSpan Minimum { get; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The longest, and how long data may be on its way, or waits for a peer that takes nothing, before the kernel gives a
    /// socket up. The kernel cannot tell a peer that is busy from one that has gone; beats can, and act first.
    /// </summary>
    public static TimeSpan Maximum { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Refuses what is too short or too long.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>.</exception>
    public static TimeSpan Require(TimeSpan timeout) => timeout >= Minimum && timeout <= Maximum
        ? timeout
        : throw new MigrationException(
            MigrationErrorId.InvalidOption,
            $"The option PeerTimeout is {timeout}; it can be from {Minimum} to {Maximum}.",
            "Give a time such as 30s: longer than the network may be interrupted, shorter than anybody wants to wait.",
            nameof(PeerTimeout));

    /// <summary>A peer's time as text: whole seconds, or one digit more.</summary>
    internal static string Text(TimeSpan time) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s");
}

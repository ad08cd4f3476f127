namespace PreRecordMigration.Options;

/// <summary>How much of what a domain sends and writes in a window is held back. Near a limit the domain is stopped and its window ends early, so that
/// nothing is lost.</summary>
/// <param name="PacketBytes">Most bytes of packets that each network card may have held back.</param>
/// <param name="OverlayBytes">Most bytes that each disk may have written to its overlay. Their room is taken before the window begins.</param>
public sealed record OutputLimits(long PacketBytes, long OverlayBytes)
{
    /// <summary>64 MiB of packets, and 256 MiB of a disk.</summary>
    public static OutputLimits Default { get; } = new(64 << 20, 256 << 20);
}

namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// How long a record may be before the reader refuses it. A record's memory grows with the bytes that have really
/// arrived, so a false length costs its sender those bytes before it costs the reader memory.
/// </summary>
/// <remarks>
/// Xen's own restorer refuses records over 128 MiB (REC_LENGTH_MAX). The writer of Xen puts at most 1024 pages, that is
/// 4 MiB and 8 KiB, into a PAGE_DATA record.
/// </remarks>
public sealed record XenStreamLimits
{
    /// <summary>What Xen itself allows for any record: 128 MiB.</summary>
    public const int XenRecordMaximum = 128 << 20;

    /// <summary>The defaults.</summary>
    public static XenStreamLimits Default { get; } = new();

    /// <summary>Largest PAGE_DATA body in bytes.</summary>
    public int PageData { get; init; } = 8 << 20;

    /// <summary>Largest body in bytes of an array of page frame numbers: 64 MiB describe a PV guest of 16 TiB.</summary>
    public int FrameList { get; init; } = 64 << 20;

    /// <summary>Largest EMULATOR_CONTEXT body in bytes.</summary>
    public int EmulatorContext { get; init; } = 64 << 20;

    /// <summary>Largest body in bytes of every other record, and of the xl header's optional data.</summary>
    public int Other { get; init; } = 4 << 20;
}

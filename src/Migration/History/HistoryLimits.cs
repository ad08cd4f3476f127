namespace PreRecordMigration.History;

/// <summary>How much the history keeps.</summary>
/// <param name="FileSize">How many bytes the file may have before another one is begun.</param>
/// <param name="Files">How many older files are kept beside it.</param>
public sealed record HistoryLimits(long FileSize, int Files)
{
    /// <summary>A file of a mebibyte and ten older ones: some ten thousand migrations.</summary>
    public static HistoryLimits Default { get; } = new(1 << 20, 10);
}

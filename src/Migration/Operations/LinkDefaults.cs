namespace PreRecordMigration.Operations;

/// <summary>The link that estimates reckon with where nothing else is said: one gigabit a second, in one building.</summary>
public static class LinkDefaults
{
    /// <summary>Bytes a second.</summary>
    public const long BytesPerSecond = 125_000_000;

    /// <summary>To the destination and back.</summary>
    public static TimeSpan RoundTrip { get; } = TimeSpan.FromMilliseconds(1);
}

namespace PreRecordMigration.Reporting;

/// <summary>When and why a page was sent.</summary>
public enum SentPageKind : long
{
    /// <summary>With the core state.</summary>
    Core,

    /// <summary>Before the commit because it had to be there, for the first time: in rounds, and with RemotePF off.</summary>
    Early,

    /// <summary>Before the commit again, because it was written meanwhile.</summary>
    Again,

    /// <summary>Pushed because it was recorded: in the window, or first after the commit.</summary>
    Recorded,

    /// <summary>Pushed because it was predicted.</summary>
    Predicted,

    /// <summary>Pushed because it was left, or is near a page that was asked for.</summary>
    Rest,

    /// <summary>Sent because it was asked for.</summary>
    Demanded,

    /// <summary>Of all the others one that was all zero, and went without content.</summary>
    Zero,
}

/// <summary>The pages that a source sent, by when and why. A page that went several times counts as often.</summary>
/// <param name="Core"><see cref="SentPageKind.Core"/>.</param>
/// <param name="Early"><see cref="SentPageKind.Early"/>.</param>
/// <param name="Again"><see cref="SentPageKind.Again"/>.</param>
/// <param name="Recorded"><see cref="SentPageKind.Recorded"/>.</param>
/// <param name="Predicted"><see cref="SentPageKind.Predicted"/>.</param>
/// <param name="Rest"><see cref="SentPageKind.Rest"/>.</param>
/// <param name="Demanded"><see cref="SentPageKind.Demanded"/>.</param>
/// <param name="Zero"><see cref="SentPageKind.Zero"/>: counted among the others, too.</param>
public sealed record SentPages(long Core, long Early, long Again, long Recorded, long Predicted, long Rest, long Demanded, long Zero)
{
    /// <summary>None.</summary>
    public static SentPages None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>All kinds, in their order.</summary>
    public IEnumerable<(SentPageKind Kind, long Count)> All =>
    [
        (SentPageKind.Core, Core), (SentPageKind.Early, Early), (SentPageKind.Again, Again), (SentPageKind.Recorded, Recorded),
        (SentPageKind.Predicted, Predicted), (SentPageKind.Rest, Rest), (SentPageKind.Demanded, Demanded), (SentPageKind.Zero, Zero),
    ];

    /// <summary>Pages that were pushed on the bulk connection, but for the core state's.</summary>
    public long Pushed => Early + Again + Recorded + Predicted + Rest;

    /// <summary>The sum, kind by kind.</summary>
    public SentPages Plus(SentPages other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new SentPages(
            Core + other.Core, Early + other.Early, Again + other.Again, Recorded + other.Recorded, Predicted + other.Predicted, Rest + other.Rest,
            Demanded + other.Demanded, Zero + other.Zero);
    }
}

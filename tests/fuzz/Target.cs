namespace PreRecordMigration.Fuzz;

/// <summary>A reader of foreign bytes.</summary>
/// <param name="Name">Its name, and that of its folder in the corpus.</param>
/// <param name="Readers">The engine's readers that it reaches, as Type.Method.</param>
/// <param name="Read">Reads an input.</param>
/// <param name="IsRefusal">Whether an exception is the reader's own.</param>
internal sealed record Target(string Name, IReadOnlyList<string> Readers, Action<byte[]> Read, Func<Exception, bool> IsRefusal)
{
    /// <summary>Bytes that it may allocate beside those that depend on the input's length.</summary>
    public long Allocation { get; init; } = 256 << 10;

    /// <summary>Bytes that it may allocate for each byte of an input.</summary>
    public int AllocationPerByte { get; init; } = 64;

    /// <summary>Most bytes of an input.</summary>
    public int Longest { get; init; } = 16 << 10;

    /// <summary>Right inputs, from which the others are made.</summary>
    public IReadOnlyList<byte[]> Seeds { get; init; } = [];

    /// <summary>Pieces of right inputs.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];
}

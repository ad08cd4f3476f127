using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;

namespace PreRecordMigration.Operations;

/// <summary>Things in their order, whose text is all of them in one line, the same in every culture: a column of Export-Csv.</summary>
/// <typeparam name="T">What is listed; its own text is one line too.</typeparam>
[CollectionBuilder(typeof(Listed), nameof(Listed.Of))]
public sealed class Listed<T> : ReadOnlyCollection<T>
{
    internal Listed(IList<T> items)
        : base(items)
    {
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Join(typeof(T).IsPrimitive || typeof(T).IsEnum ? " " : "; ", this.Select(item => ValueText.Of(item)));
}

/// <summary>Makes lists of what is returned.</summary>
public static class Listed
{
    /// <summary>A list of these things.</summary>
    /// <param name="items">The things.</param>
    public static Listed<T> Of<T>(ReadOnlySpan<T> items) => new(items.ToArray());
}

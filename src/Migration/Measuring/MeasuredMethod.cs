using PreRecordMigration.Options;

namespace PreRecordMigration.Measuring;

/// <summary>A way to move a domain that is measured.</summary>
public enum MeasuredMethod : long
{
    /// <summary>Pre-copy.</summary>
    PreCopy,

    /// <summary>Post-copy.</summary>
    PostCopy,

    /// <summary>Hybrid.</summary>
    Hybrid,

    /// <summary>Pre-record migration that observes.</summary>
    Observe,

    /// <summary>Pre-record migration that rolls back.</summary>
    Rollback,

    /// <summary><c>xl migrate</c>, Xen's own.</summary>
    XlMigrate,
}

/// <summary>What is measured against each other: a method, with an order of pages where it follows one.</summary>
/// <param name="Method">The method.</param>
/// <param name="Order">The order; null for what suits the method.</param>
public sealed record MeasuredVariant(MeasuredMethod Method, PageOrderStrategy? Order)
{
    /// <summary>All that are to be measured: each method, and those which record with each of the orders.</summary>
    /// <param name="methods">The methods; the first one is what the others are compared with.</param>
    /// <param name="orders">The orders; empty for what suits each method.</param>
    public static IReadOnlyList<MeasuredVariant> All(IEnumerable<MeasuredMethod> methods, IReadOnlyList<PageOrderStrategy> orders)
    {
        ArgumentNullException.ThrowIfNull(methods);
        ArgumentNullException.ThrowIfNull(orders);
        return
        [
            .. methods.Distinct().SelectMany(method => method is MeasuredMethod.Observe or MeasuredMethod.Rollback && orders.Count > 0
                ? orders.Distinct().Select(order => new MeasuredVariant(method, order))
                : [new MeasuredVariant(method, null)]),
        ];
    }

    /// <summary>The options of a move by it.</summary>
    /// <param name="options">What holds for all.</param>
    public MigrationOptions Apply(MigrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with
        {
            Method = Method switch
            {
                MeasuredMethod.PreCopy => MigrationMethod.PreCopy,
                MeasuredMethod.PostCopy => MigrationMethod.PostCopy,
                MeasuredMethod.Hybrid => MigrationMethod.Hybrid,
                _ => MigrationMethod.PreRecord,
            },
            Mode = Method == MeasuredMethod.Rollback ? RecordingMode.Rollback : RecordingMode.Observe,
            Order = Order is { } order ? [order] : options.Order,
        };
    }

    /// <inheritdoc/>
    public override string ToString() => Order is null ? $"{Method}" : $"{Method} {Order}";
}

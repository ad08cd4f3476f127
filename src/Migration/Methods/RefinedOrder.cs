using PreRecordMigration.Ordering;

namespace PreRecordMigration.Methods;

/// <summary>
/// An order that is followed at once, while a better one is made beside it on a thread of its own; when that is there, it is followed from then
/// on. Faults steer the one that is followed.
/// </summary>
internal sealed class RefinedOrder : IPushOrder, IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task _work;
    private IPushOrder _latest;
    private IPushOrder _followed;

    /// <summary>Begins to make the better order.</summary>
    /// <param name="first">The order to follow until then.</param>
    /// <param name="refine">Makes the better one of what is unsent then; null where there is none. Throws nothing.</param>
    public RefinedOrder(IPushOrder first, Func<CancellationToken, IPushOrder?> refine)
    {
        _latest = _followed = first;
        _work = Task.Factory.StartNew(
            () =>
            {
                if (refine(_end.Token) is { } better)
                {
                    Volatile.Write(ref _latest, better);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public PushKind Kind => _followed.Kind;

    /// <inheritdoc/>
    public int Next()
    {
        _followed = Volatile.Read(ref _latest);
        return _followed.Next();
    }

    /// <inheritdoc/>
    public void Steer(int pfn) => Volatile.Read(ref _latest).Steer(pfn);

    /// <summary>Waits until the better order is there, or was given up.</summary>
    internal void Wait() => _work.Wait();

    /// <summary>Gives the better order up, and waits until nothing is done for it any more: the domain's memory may go then. The order may
    /// still be followed.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _work.Wait();
        _end.Dispose();
    }
}

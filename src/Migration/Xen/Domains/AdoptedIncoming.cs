using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>An incoming domain that another tool has made and restored before it was killed. Nothing of the toolstack's work is left to do.</summary>
/// <param name="pages">Its pages. Which of them are missing only the hypervisor knows.</param>
internal abstract class AdoptedIncoming(IncomingPages pages) : IIncomingMechanism
{
    private IRemotePaging? _paging;

    /// <inheritdoc/>
    public abstract IGuestMemory Memory { get; }

    /// <inheritdoc/>
    public IncomingPages Pages => pages;

    /// <inheritdoc/>
    public TimeSpan ToolstackTime => TimeSpan.Zero;

    /// <inheritdoc/>
    public IRemotePaging EnableRemotePF() => _paging = Adopt() ?? new EndedPaging(pages.Missing);

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("It was restored by another tool.");

    /// <inheritdoc/>
    public PageBitmap? TakeUsedPages() => null;

    /// <inheritdoc/>
    public void BreakOff()
    {
        // The toolstack's child has ended, or died with its tool.
    }

    /// <inheritdoc/>
    public void Dispose() => _paging?.Dispose();

    /// <summary>Takes charge of the domain's faults.</summary>
    /// <returns>Null where the tool that was killed had switched RemotePF off.</returns>
    protected abstract IRemotePaging? Adopt();

    /// <summary>RemotePF that has been switched off: nothing is missing.</summary>
    private sealed class EndedPaging(PageBitmap missing) : IRemotePaging
    {
        public PageBitmap Missing => missing;

        public void TakeAway(PageBitmap pages) => throw new InvalidOperationException("It was restored by another tool.");

        public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
        {
            cancellationToken.WaitHandle.WaitOne(timeout);
            cancellationToken.ThrowIfCancellationRequested();
            return 0;
        }

        public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
        {
            // None of them is missing.
        }

        public void Disable()
        {
            // It is off.
        }

        public void Dispose()
        {
            // It holds nothing.
        }
    }
}

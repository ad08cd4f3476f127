using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Benchmarks;

/// <summary>A source's memory that costs no more than its bytes.</summary>
internal sealed class SourceMemory(byte[] bytes) : IGuestMemory
{
    public int PageCount => bytes.Length / Page.Size;

    public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            Page.At(bytes.AsSpan(), pfns[i]).CopyTo(Page.At(pages, i));
        }
    }

    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => throw new NotSupportedException("A source is not written.");
}

/// <summary>A destination's memory that costs no more than its bytes, and the one vCPU that misses pages of it.</summary>
internal sealed class ArrivingMemory(byte[] bytes, PageBitmap populated) : IRemotePaging
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _begun = new(0);
    private readonly SemaphoreSlim _placed = new(0);
    private int _fault = -1;
    private int _awaited = -1;

    public PageBitmap Missing { get; } = populated.Clone();

    /// <summary>Touches missing pages from the last on, each as soon as the one before has come, until none is missing.</summary>
    public void TouchFromTheEnd()
    {
        for (int pfn = Missing.PageCount - 1; pfn >= 0; pfn--)
        {
            lock (_gate)
            {
                if (!Missing[pfn])
                {
                    continue;
                }

                _fault = _awaited = pfn;
            }

            _begun.Release();
            _placed.Wait();
        }
    }

    public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!_begun.Wait(timeout, cancellationToken))
        {
            return 0;
        }

        faults[0] = new PageFault(_fault, 0, TimeProvider.System.GetTimestamp());
        return 1;
    }

    public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            Page.At(pages, i).CopyTo(Page.At(bytes.AsSpan(), pfns[i]));
        }

        lock (_gate)
        {
            foreach (int pfn in pfns)
            {
                Missing.TryClear(pfn);
                if (pfn == _awaited)
                {
                    _awaited = -1;
                    _placed.Release();
                }
            }
        }
    }

    public void TakeAway(PageBitmap pages) => throw new NotSupportedException("Everything is missing from the beginning.");

    public void Disable()
    {
    }

    public void Dispose()
    {
        _begun.Dispose();
        _placed.Dispose();
    }
}

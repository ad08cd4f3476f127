using System.Collections.Concurrent;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>The paging interface of a real domain: its ring, and a batch of buffers for each thread that places.</summary>
internal sealed class XenPagingPort : IPagingPort
{
    /// <summary>Pages a hypercall that carries contents. Small, because a vCPU may wait for the first of them.</summary>
    internal const int PlaceChunk = 64;

    private readonly XenControl _control;
    private readonly int _domid;
    private readonly XenPagingRing _ring;
    private readonly XenWakeup _wakeup = new();
    private readonly ConcurrentBag<PlacingBatch> _batches = [];

    /// <summary>Switches paging on for the domain.</summary>
    internal XenPagingPort(XenControl control, int domid)
    {
        _control = control;
        _domid = domid;
        try
        {
            _ring = new XenPagingRing(control, domid);
        }
        catch
        {
            _wakeup.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan timeout)
    {
        if (_ring.Wait(_wakeup, timeout).HasFlag(XenWaitResult.Wakeup))
        {
            _wakeup.Clear();
        }
    }

    /// <inheritdoc/>
    public void Wake() => _wakeup.Signal();

    /// <inheritdoc/>
    public int Take(Span<XenPagingEvent> events) => _ring.Take(events);

    /// <inheritdoc/>
    public void Answer(ReadOnlySpan<XenPagingEvent> events) => _ring.Answer(events);

    /// <inheritdoc/>
    public void Prepare(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        if (!_batches.TryTake(out PlacingBatch? batch))
        {
            batch = new PlacingBatch(_control);
        }

        try
        {
            for (int start = 0; start < pfns.Length; start += PlaceChunk)
            {
                int count = Math.Min(PlaceChunk, pfns.Length - start);
                Span<ulong> gfns = batch.Gfns.AsSpan(0, count);
                for (int i = 0; i < count; i++)
                {
                    gfns[i] = (ulong)pfns[start + i];
                }

                batch.Paging.Run(
                    _domid, XenPagingOperation.Prepare, gfns, pages.Slice(start * Page.Size, count * Page.Size),
                    results.Slice(start, count));
            }
        }
        finally
        {
            _batches.Add(batch);
        }
    }

    /// <inheritdoc/>
    public long CountPagedOut() => (long)_control.GetDomain(_domid).PagedPages;

    /// <inheritdoc/>
    public void PauseDomain() => _control.Pause(_domid);

    /// <inheritdoc/>
    public void UnpauseDomain() => _control.Unpause(_domid);

    /// <inheritdoc/>
    public bool TryDisable() => _ring.TryClose();

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_batches.TryTake(out PlacingBatch? batch))
        {
            batch.Paging.Dispose();
        }

        _ring.Dispose();
        _wakeup.Dispose();
    }

    private sealed class PlacingBatch(XenControl control)
    {
        internal XenPagingBatch Paging { get; } = new(control, PlaceChunk, withPages: true);

        internal ulong[] Gfns { get; } = new ulong[PlaceChunk];
    }
}

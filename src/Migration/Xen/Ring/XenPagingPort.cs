using System.Collections.Concurrent;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Ring;

/// <summary>The paging interface of a real domain: its ring, and a batch of buffers for each thread that runs operations.</summary>
internal sealed class XenPagingPort : IPagingPort
{
    /// <summary>Pages a hypercall that carries contents. Small, because a vCPU may wait for the first of them.</summary>
    internal const int ContentChunk = 64;

    private const int Chunk = 256;
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly bool _withContents;
    private readonly int _chunk;
    private readonly XenPagingRing _ring;
    private readonly XenWakeup _wakeup = new();
    private readonly ConcurrentBag<Batch> _batches = [];

    /// <summary>Switches paging on for the domain.</summary>
    /// <param name="control">The connection; it must outlive the port.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="withContents">Whether operations will carry contents.</param>
    /// <exception cref="XenException">EBUSY: a ring is active; EOPNOTSUPP, ENODEV, EMLINK, EXDEV: see the remedy.</exception>
    internal XenPagingPort(XenControl control, int domid, bool withContents)
    {
        _withContents = withContents;
        _chunk = withContents ? ContentChunk : Chunk;
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
    public void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages, Span<int> results)
    {
        if (!_batches.TryTake(out Batch? batch))
        {
            batch = new Batch(_control, _chunk, _withContents);
        }

        try
        {
            for (int start = 0; start < pfns.Length; start += _chunk)
            {
                int count = Math.Min(_chunk, pfns.Length - start);
                Span<ulong> gfns = batch.Gfns.AsSpan(0, count);
                for (int i = 0; i < count; i++)
                {
                    gfns[i] = (ulong)pfns[start + i];
                }

                ReadOnlySpan<byte> contents = pages.IsEmpty ? [] : pages.Slice(start * Page.Size, count * Page.Size);
                batch.Paging.Run(_domid, operation, gfns, contents, results.Slice(start, count));
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
        while (_batches.TryTake(out Batch? batch))
        {
            batch.Paging.Dispose();
        }

        _ring.Dispose();
        _wakeup.Dispose();
    }

    private sealed class Batch(XenControl control, int chunk, bool withContents)
    {
        internal XenPagingBatch Paging { get; } = new(control, chunk, withContents);

        internal ulong[] Gfns { get; } = new ulong[chunk];
    }
}

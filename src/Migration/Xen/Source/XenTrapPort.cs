using System.Collections.Concurrent;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>The paging interface of a real domain.</summary>
internal sealed class XenTrapPort : ITrapPort
{
    private const int Chunk = 256;
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly XenPagingRing _ring;
    private readonly XenWakeup _wakeup = new();
    private readonly ConcurrentBag<Batch> _batches = [];

    /// <summary>Switches paging on for the domain.</summary>
    /// <exception cref="XenException">EBUSY: a ring is active; EOPNOTSUPP, ENODEV, EMLINK, EXDEV: see the remedy.</exception>
    internal XenTrapPort(XenControl control, int domid)
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
    public void Run(XenPagingOperation operation, ReadOnlySpan<int> pfns, Span<int> results)
    {
        if (!_batches.TryTake(out Batch? batch))
        {
            batch = new Batch(_control);
        }

        try
        {
            for (int start = 0; start < pfns.Length; start += Chunk)
            {
                Span<ulong> gfns = batch.Gfns.AsSpan(0, Math.Min(Chunk, pfns.Length - start));
                for (int i = 0; i < gfns.Length; i++)
                {
                    gfns[i] = (ulong)pfns[start + i];
                }

                batch.Paging.Run(_domid, operation, gfns, [], results.Slice(start, gfns.Length));
            }
        }
        finally
        {
            _batches.Add(batch);
        }
    }

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

    private sealed class Batch(XenControl control)
    {
        internal XenPagingBatch Paging { get; } = new(control, Chunk, withPages: false);

        internal ulong[] Gfns { get; } = new ulong[Chunk];
    }
}

using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>The prerecord extension of a real domain.</summary>
internal sealed class XenExtensionPort : IExtensionPort
{
    /// <summary>Pages a hypercall that carries contents. Small, because a vCPU may wait for the first of them.</summary>
    internal const int ContentChunk = 64;

    private const int NumbersPerFrame = Page.Size / sizeof(uint);
    private readonly XenExtension _extension;
    private readonly XenWakeup _wakeup = new();
    private readonly ConcurrentBag<XenPageFiller> _fillers = [];
    private readonly Lock _mapping = new();
    private readonly MappedTable _records;
    private readonly MappedTable _store;
    private readonly MappedTable _slots;
    private long _pageCount;
    private int _slotCount;

    /// <summary>Opens the extension for a domain; nothing changes in the hypervisor yet.</summary>
    /// <param name="control">The connection; it must outlive the port.</param>
    /// <param name="domid">The domain.</param>
    internal XenExtensionPort(XenControl control, int domid)
    {
        _extension = new XenExtension(control, domid);
        _records = new MappedTable(_extension, XenExtensionTable.Records);
        _store = new MappedTable(_extension, XenExtensionTable.Store);
        _slots = new MappedTable(_extension, XenExtensionTable.Slots);
    }

    /// <inheritdoc/>
    public void Prepare(int pageCount, int limit)
    {
        _extension.Prepare(pageCount, limit);
        _pageCount = pageCount;
    }

    /// <inheritdoc/>
    public long Adopt()
    {
        return _pageCount = _extension.Adopt();
    }

    /// <inheritdoc/>
    public void Grow(int slots)
    {
        _extension.Grow(slots);
        _slotCount = slots;
    }

    /// <inheritdoc/>
    public void Start(XenExtensionFlags flags) => _extension.Start(flags);

    /// <inheritdoc/>
    public (long First, long Count) BeginEpoch() => _extension.BeginEpoch();

    /// <inheritdoc/>
    public XenExtensionState Query() => _extension.Query();

    /// <inheritdoc/>
    public void Stop() => _extension.Stop();

    /// <inheritdoc/>
    public void Release()
    {
        Unmap();
        _extension.Release();
    }

    /// <inheritdoc/>
    public void DeclareMissing(PageBitmap missing)
    {
        byte[] bytes = new byte[(missing.PageCount + 63) / 64 * sizeof(ulong)];
        missing.ToBytes().CopyTo(bytes, 0);
        _extension.DeclareMissing(MemoryMarshal.Cast<byte, ulong>(bytes), missing.PageCount);
    }

    /// <inheritdoc/>
    public void Serve() => _extension.Serve();

    /// <inheritdoc/>
    public int Resolve(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages)
    {
        if (!_fillers.TryTake(out XenPageFiller? filler))
        {
            filler = _extension.NewFiller(ContentChunk);
        }

        try
        {
            for (int start = 0; start < frames.Length; start += ContentChunk)
            {
                int count = Math.Min(ContentChunk, frames.Length - start);
                int done = filler.Fill(frames.Slice(start, count), pages.Slice(start * Page.Size, count * Page.Size));
                if (done < count)
                {
                    return start + done;
                }
            }

            return frames.Length;
        }
        finally
        {
            _fillers.Add(filler);
        }
    }

    /// <inheritdoc/>
    public void ReadRecords(long first, Span<uint> records)
    {
        lock (_mapping)
        {
            for (int done = 0; done < records.Length;)
            {
                (long frame, long index) = Math.DivRem(first + done, NumbersPerFrame);
                int count = Math.Min(records.Length - done, NumbersPerFrame - (int)index);
                _records.Read(
                    frame, (int)index * sizeof(uint), MemoryMarshal.AsBytes(records.Slice(done, count)), RecordFrames(_pageCount));
                done += count;
            }
        }
    }

    /// <inheritdoc/>
    public void ReadVcpus(long first, Span<int> vcpus) => ReadRecords(_pageCount + first, MemoryMarshal.Cast<int, uint>(vcpus));

    /// <inheritdoc/>
    public void ReadUses(long first, Span<uint> pfns) => ReadRecords((2 * _pageCount) + first, pfns);

    /// <inheritdoc/>
    public int ReadSlot(int slot, Span<byte> content)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        lock (_mapping)
        {
            _slots.Read(
                slot / NumbersPerFrame, slot % NumbersPerFrame * sizeof(uint), number,
                (_slotCount + NumbersPerFrame - 1) / NumbersPerFrame);
            if (!content.IsEmpty)
            {
                _store.Read(slot, 0, content, _slotCount);
            }
        }

        return (int)MemoryMarshal.Read<uint>(number);
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan timeout)
    {
        if (_extension.Wait(_wakeup, timeout).HasFlag(XenWaitResult.Wakeup))
        {
            _wakeup.Clear();
        }
    }

    /// <inheritdoc/>
    public void Wake() => _wakeup.Signal();

    /// <inheritdoc/>
    public void Unmap()
    {
        lock (_mapping)
        {
            _records.Unmap();
            _store.Unmap();
            _slots.Unmap();
        }
    }

    /// <summary>The size of the table of records: two halves, each with twice as many records as there are pages.</summary>
    private static long RecordFrames(long pageCount) => ((4 * pageCount) + NumbersPerFrame - 1) / NumbersPerFrame;

    /// <inheritdoc/>
    public void Dispose()
    {
        Unmap();
        while (_fillers.TryTake(out XenPageFiller? filler))
        {
            filler.Dispose();
        }

        _extension.Dispose();
        _wakeup.Dispose();
    }
}

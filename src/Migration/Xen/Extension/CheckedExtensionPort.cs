using PreRecordMigration.Errors;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>
/// Checks every number that the extension gives before it is used as an index: it must lie within the domain, and within the tables whose
/// size follows from the domain's. The recorder, the backup store and RemotePF use the extension through here.
/// </summary>
internal sealed class CheckedExtensionPort : IExtensionPort
{
    /// <summary>Xen's own limit.</summary>
    private const int MostVcpus = 8192;

    private readonly IExtensionPort _port;
    private readonly int _pageCount;
    private readonly string _subject;

    private CheckedExtensionPort(IExtensionPort port, int pageCount, string subject) =>
        (_port, _pageCount, _subject) = (port, pageCount, subject);

    /// <summary>Puts the check in front of a port.</summary>
    /// <param name="port">The extension; a port that is checked already is returned as it is.</param>
    /// <param name="pageCount">The domain's page count.</param>
    /// <param name="subject">The domain's name, for errors.</param>
    internal static CheckedExtensionPort Around(IExtensionPort port, int pageCount, string subject) =>
        port as CheckedExtensionPort ?? new CheckedExtensionPort(port, pageCount, subject);

    /// <inheritdoc/>
    public void Prepare(int pageCount, int limit) => _port.Prepare(pageCount, limit);

    /// <inheritdoc/>
    public long Adopt()
    {
        long pageCount = _port.Adopt();
        Require(pageCount == _pageCount, $"{pageCount} pages to look after");
        return pageCount;
    }

    /// <inheritdoc/>
    public void Grow(int slots) => _port.Grow(slots);

    /// <inheritdoc/>
    public void Start(XenExtensionFlags flags) => _port.Start(flags);

    /// <inheritdoc/>
    public (long First, long Count) BeginEpoch()
    {
        (long first, long count) = _port.BeginEpoch();
        RequireRecords((ulong)first, (ulong)count);
        return (first, count);
    }

    /// <inheritdoc/>
    public XenExtensionState Query()
    {
        XenExtensionState state = _port.Query();
        RequireRecords(state.First, state.Count);
        Require(state.Slots <= (ulong)_pageCount, $"a store of {state.Slots} pages");
        Require(state.Used <= state.Slots, $"{state.Used} originals in a store of {state.Slots} pages");
        Require(state.Missing <= (ulong)_pageCount, $"{state.Missing} missing pages");
        Require(state.Uses <= (ulong)_pageCount, $"{state.Uses} used pages");
        return state;
    }

    /// <inheritdoc/>
    public void Stop() => _port.Stop();

    /// <inheritdoc/>
    public void Release() => _port.Release();

    /// <inheritdoc/>
    public void DeclareMissing(PageBitmap missing) => _port.DeclareMissing(missing);

    /// <inheritdoc/>
    public void Serve() => _port.Serve();

    /// <inheritdoc/>
    public int Resolve(ReadOnlySpan<ulong> frames, ReadOnlySpan<byte> pages)
    {
        int done = _port.Resolve(frames, pages);
        Require(done >= 0 && done <= frames.Length, $"{done} of {frames.Length} pages filled");
        return done;
    }

    /// <inheritdoc/>
    public void ReadRecords(long first, Span<uint> records)
    {
        _port.ReadRecords(first, records);
        foreach (uint record in records)
        {
            RequirePage(record & ~XenExtension.WriteBit);
        }
    }

    /// <inheritdoc/>
    public void ReadVcpus(long first, Span<int> vcpus)
    {
        _port.ReadVcpus(first, vcpus);
        foreach (int vcpu in vcpus)
        {
            Require(vcpu is >= -1 and < MostVcpus, $"vCPU {vcpu}");
        }
    }

    /// <inheritdoc/>
    public void ReadUses(long first, Span<uint> pfns)
    {
        _port.ReadUses(first, pfns);
        foreach (uint pfn in pfns)
        {
            RequirePage(pfn);
        }
    }

    /// <inheritdoc/>
    public int ReadSlot(int slot, Span<byte> content)
    {
        int pfn = _port.ReadSlot(slot, content);
        RequirePage((uint)pfn);
        return pfn;
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan timeout) => _port.Wait(timeout);

    /// <inheritdoc/>
    public void Wake() => _port.Wake();

    /// <inheritdoc/>
    public void Unmap() => _port.Unmap();

    /// <inheritdoc/>
    public void Dispose() => _port.Dispose();

    private void RequirePage(uint pfn) => Require(pfn < (uint)_pageCount, $"page {pfn}");

    /// <summary>The table has two halves, each with twice as many records as there are pages, and an epoch's records begin where its half
    /// begins.</summary>
    private void RequireRecords(ulong first, ulong count)
    {
        ulong half = 2 * (ulong)_pageCount;
        Require((first == 0 || first == half) && count <= half, $"{count} records from number {first} on");
    }

    private void Require(bool isTrue, FormattableString what)
    {
        if (!isTrue)
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"{_subject}: the hypervisor's extension tells of {FormattableString.Invariant(what)}, which a domain of {_pageCount} pages cannot have.",
                "Nothing was done with it. Use the hypervisor that belongs to this version (native/hypervisor), and look at `xl dmesg`.",
                _subject);
        }
    }
}

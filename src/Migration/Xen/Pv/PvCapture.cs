using PreRecordMigration.CoreStates;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Native;
using XenPageType = PreRecordMigration.Xen.Streams.XenPageType;

namespace PreRecordMigration.Xen.Pv;

/// <summary>
/// Captures the core state of a suspended PV domain: its page tables with page frame numbers in them, the pages that the
/// restorer needs and those that can never be missing, and the vCPUs. docs/core-state.md gives the reason for each.
/// </summary>
internal sealed class PvCapture
{
    private const int ReadChunk = 256;
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly string _subject;
    private readonly PvMemoryMap _map;
    private readonly IGuestMemory _memory;
    private readonly PageBitmap _core;
    private readonly List<int> _pfns = [];
    private readonly List<XenPageType> _types = [];

    private PvCapture(XenControl control, int domid, string subject, PvMemoryMap map, IGuestMemory memory)
    {
        (_control, _domid, _subject, _map, _memory) = (control, domid, subject, map, memory);
        _core = new PageBitmap(map.PageCount);
    }

    /// <summary>Captures the core state.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The suspended domain.</param>
    /// <param name="subject">Its name, for errors.</param>
    /// <param name="map">Its pages as of now.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="fixedPages">The pages that are written without notice.</param>
    internal static CoreState Capture(
        XenControl control, int domid, string subject, PvMemoryMap map, IGuestMemory memory, IEnumerable<int> fixedPages)
    {
        PvCapture capture = new(control, domid, subject, map, memory);
        return capture.Run(fixedPages);
    }

    private CoreState Run(IEnumerable<int> fixedPages)
    {
        List<PvVcpuState> vcpus = [];
        List<VcpuState> roots = [];
        List<int> others = [];
        XenDomainInfo info = _control.GetDomain(_domid);
        for (int id = 0; id <= (int)info.MaxVcpuId; id++)
        {
            if (_control.GetVcpuRegisters(_domid, id).Online == 0)
            {
                roots.Add(new VcpuState(id, 0, PagingMode.None));
                continue;
            }

            PvVcpuState vcpu = CaptureVcpu(id, out PvVcpuContext.Pages pages);
            vcpus.Add(vcpu);
            roots.Add(new VcpuState(id, (ulong)pages.Cr3 << Page.Shift, PagingMode.FourLevel));
            others.AddRange(pages.GdtPages);
            if (id == 0)
            {
                others.AddRange(StartPages(PvVcpuContext.StartInfoPage(vcpu.Basic.Span)));
            }
        }

        FindTables();
        int tables = _pfns.Count;
        Add(TablePages());
        Add(others);
        Add(fixedPages);
        XenTscInfo tsc = _control.GetTsc(_domid);
        PvCoreSections sections = new(
            _types, new XenTsc(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation), _control.GetSharedInfo(_domid), vcpus);
        return new CoreState(roots, sections.ToSections(), new PageSet([.. _pfns], ReadPages()), tables);
    }

    private PvVcpuState CaptureVcpu(int id, out PvVcpuContext.Pages pages)
    {
        byte[] basic = _control.GetPvVcpu(_domid, id, XenPvVcpuPart.Basic);
        pages = PvVcpuContext.Normalise(basic, id == 0, _map, _subject);
        return new PvVcpuState(
            id,
            basic,
            _control.GetPvVcpu(_domid, id, XenPvVcpuPart.Extended),
            _control.GetPvVcpu(_domid, id, XenPvVcpuPart.Xsave),
            _control.GetPvVcpu(_domid, id, XenPvVcpuPart.Msrs));
    }

    /// <summary>The start information, and the rings that it names: the restorer and the backends use them before the guest runs.</summary>
    private IEnumerable<int> StartPages(int startInfo)
    {
        byte[] content = new byte[Page.Size];
        _memory.Read([startInfo], content);
        yield return startInfo;
        foreach (ulong ring in PvSharedInfo.RingPagesOf(content))
        {
            // A guest without a console or xenstore ring names page 0 or a page that it does not have.
            if (ring != 0 && ring < (ulong)_map.PageCount && _map.FrameOf((int)ring) != PvMemoryMap.NoFrame)
            {
                yield return (int)ring;
            }
        }
    }

    /// <summary>Finds every page that Xen holds as a page table, whether a vCPU uses it now or not, because the restorer pins or checks
    /// all of them.</summary>
    private void FindTables()
    {
        const int chunk = 1024;
        Span<ulong> frames = stackalloc ulong[chunk];
        Span<uint> types = stackalloc uint[chunk];
        foreach (int[] pfns in _map.FindPages().Pfns().Chunk(chunk))
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                frames[i] = _map.FrameOf(pfns[i]);
            }

            _control.GetPageTypes(_domid, frames[..pfns.Length], types);
            for (int i = 0; i < pfns.Length; i++)
            {
                XenPageType type = (XenPageType)(types[i] >> 28);
                if (PvPageTable.IsTable(type) && _core.TrySet(pfns[i]))
                {
                    _pfns.Add(pfns[i]);
                    _types.Add(type);
                }
            }
        }
    }

    /// <summary>The pages that hold the guest's p2m: the restorer writes them.</summary>
    private IEnumerable<int> TablePages() => PvSource.FindTablePages(_map, _subject);

    private void Add(IEnumerable<int> pfns)
    {
        foreach (int pfn in pfns)
        {
            if (_core.TrySet(pfn))
            {
                _pfns.Add(pfn);
            }
        }
    }

    private byte[] ReadPages()
    {
        int[] pfns = [.. _pfns];
        byte[] contents = new byte[(long)pfns.Length * Page.Size];
        for (int start = 0; start < pfns.Length; start += ReadChunk)
        {
            int count = Math.Min(ReadChunk, pfns.Length - start);
            _memory.Read(pfns.AsSpan(start, count), contents.AsSpan(start * Page.Size, count * Page.Size));
        }

        for (int i = 0; i < _types.Count; i++)
        {
            PvPageTable.Normalise(Page.At(contents.AsSpan(), i), _types[i], pfns[i], _map, _subject);
        }

        return contents;
    }
}

using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;
using XenPageType = PreRecordMigration.Xen.Streams.XenPageType;

namespace PreRecordMigration.Xen.Pv;

/// <summary>
/// An incoming PV domain. Until it is restored only the toolstack knows where its pages are, so everything goes through the
/// stream; afterwards they are found through the p2m that was rebuilt, and the hypervisor's extension serves the faults.
/// </summary>
internal sealed class PvIncoming : IIncomingMechanism
{
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly string _name;
    private readonly IncomingRestore _restore;
    private readonly SynthesisedPvRestore _stream;
    private ExtensionRemotePaging? _paging;

    internal PvIncoming(
        XenControl control, int domid, string name, IncomingPages pages, IncomingRestore restore,
        SynthesisedPvRestore stream)
    {
        _control = control;
        _domid = domid;
        _name = name;
        _restore = restore;
        _stream = stream;
        Pages = pages;
        Memory = new PvStreamMemory(pages, restore, stream, name);
    }

    /// <inheritdoc/>
    public IGuestMemory Memory { get; }

    /// <inheritdoc/>
    public IncomingPages Pages { get; }

    /// <inheritdoc/>
    public TimeSpan ToolstackTime => _restore.CompletionTime;

    /// <inheritdoc/>
    public IRemotePaging EnableRemotePF()
    {
        RecorderChoice.Make(DomainTraits.Paravirtualised, HostTraits.Of(_control), prefersRing: false).Require(_name);
        return _paging = new ExtensionRemotePaging(
            new XenExtensionPort(_control, _domid), Pages.Missing, _name, later => Pages.Missing.Or(Pages.Want(later)));
    }

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        PvCoreSections sections = PvCoreSections.Parse(core);
        _restore.Write(() => _stream.WritePages(CorePages(core, sections)));
        XenTsc tsc = sections.Tsc;
        _restore.Complete(
            () => _stream.Complete(
                new X86TscInfoRecord(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation),
                sections.SharedInfo,
                sections.Vcpus.Select(vcpu => new SynthesisedPvVcpu(
                    (uint)vcpu.Id, vcpu.Basic, vcpu.Extended, vcpu.Xsave, vcpu.Msrs))),
            cancellationToken);
        if (_paging is not null)
        {
            foreach (int pfn in core.Pages.Pfns)
            {
                Pages.Missing.TryClear(pfn);
            }

            PvMemoryMap map = ReadMap(_control, _domid, Pages.Populated.PageCount, _name);
            RequireFrames(map);
            _paging.Begin(map.FrameOf);
        }
    }

    /// <inheritdoc/>
    public PageBitmap? TakeUsedPages() => _paging?.TakeUsedPages();

    /// <inheritdoc/>
    public void BreakOff() => _restore.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        _paging?.Dispose();
        _restore.Dispose();
    }

    private static IEnumerable<XenStreamPage> CorePages(CoreState core, PvCoreSections sections)
    {
        for (int i = 0; i < core.Pages.Count; i++)
        {
            XenPageType type = i < sections.TableTypes.Count ? sections.TableTypes[i] : XenPageType.Normal;
            yield return new XenStreamPage(core.Pages.Pfns[i], type, core.Pages.ContentAt(i).ToArray());
        }
    }

    /// <summary>Reads the restored domain's p2m. The page tables that the shared information names are the source's, so those of vCPU 0
    /// are walked.</summary>
    internal static PvMemoryMap ReadMap(XenControl control, int domid, int pageCount, string name) => PvMemoryMap.Read(
        (frames, pages) => control.ReadFrames(domid, frames, pages, name),
        control.GetVcpuRegisters(domid, 0).Cr3,
        PvSharedInfo.P2mAddressOf(control.GetSharedInfo(domid)),
        pageCount,
        name);

    private void RequireFrames(PvMemoryMap map)
    {
        foreach (int pfn in Pages.Missing.Pfns())
        {
            if (pfn >= map.PageCount || map.FrameOf(pfn) == PvMemoryMap.NoFrame)
            {
                throw new MigrationException(
                    MigrationErrorId.VerificationFailed,
                    $"{_name}: the restored domain has no page {pfn}.",
                    "Look at /var/log/xen and `xl dmesg`; the domain runs on at the source.",
                    _name);
            }
        }
    }
}

/// <summary>
/// An incoming PV domain's memory before it is restored: pages are written by way of the toolstack's stream, and none can be read.
/// </summary>
internal sealed class PvStreamMemory(
    IncomingPages pages, IncomingRestore restore, SynthesisedPvRestore stream, string subject) : IGuestMemory
{
    /// <inheritdoc/>
    public int PageCount => pages.Populated.PageCount;

    /// <summary>Always refuses: where the domain's pages are is not known before it is restored.</summary>
    /// <exception cref="MigrationException">Always.</exception>
    public void Read(ReadOnlySpan<int> pfns, Span<byte> contents) => throw new MigrationException(
        MigrationErrorId.DomainState,
        $"{subject}: the memory of an incoming paravirtualised domain cannot be read.",
        "Wait until the migration is over.",
        subject);

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> contents)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(contents.Length, (long)pfns.Length * Page.Size, nameof(contents));
        XenStreamPage[] written = new XenStreamPage[pfns.Length];
        byte[] copy = contents.ToArray();
        for (int i = 0; i < written.Length; i++)
        {
            written[i] = new XenStreamPage(pfns[i], XenPageType.Normal, copy.AsMemory(i * Page.Size, Page.Size));
        }

        restore.Write(() => stream.WritePages(written));
    }
}

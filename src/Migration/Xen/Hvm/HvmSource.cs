using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>
/// PVH and HVM domains, with nested paging or on shadow page tables: memory by guest frame; a core state of HVM context,
/// time-stamp counter and the pages that cannot be missing.
/// </summary>
internal sealed class HvmSource : ISourceMechanism
{
    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly XenGuestMemory _memory;
    private readonly IPageRecording _recording;
    private readonly DomainEmulator? _emulator;
    private readonly bool _isTrappable;

    /// <summary>Takes charge of a domain.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="facts">What is known of it.</param>
    /// <param name="emulator">Its emulator; null where it has none.</param>
    /// <param name="recorder">Who records it.</param>
    /// <param name="isTrappable">Whether its pages can all be trapped; else it moves by what traps none.</param>
    internal HvmSource(XenControl control, DomainFacts facts, DomainEmulator? emulator, Recorder recorder, bool isTrappable)
    {
        _isTrappable = isTrappable;
        _control = control;
        _facts = facts;
        _emulator = emulator;
        _memory = new XenGuestMemory(control, facts.DomId, facts.Info.Name, facts.PageCount, static pfn => (ulong)pfn);
        _recording = recorder == Recorder.Ring
            ? new RingRecording(control, facts, _memory)
            : new ExtensionRecording(control, facts, byHarvest: recorder == Recorder.ExtensionByHarvest);
    }

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory;

    /// <inheritdoc/>
    public IDeviceEmulator? Emulator => _emulator;

    /// <inheritdoc/>
    public PageBitmap FindPages() => _facts.FindPages(_control);

    /// <inheritdoc/>
    public XenDomainConfiguration Describe(string json, PageBitmap populated)
    {
        XenHostInfo host = _control.GetHostInfo();
        XenCpuPolicy policy = _control.GetCpuPolicy(_facts.DomId);
        return new(
            json, host.Major, host.Minor, policy.Leaves, policy.Msrs, _facts.Parameters, [.. _facts.SpecialPages(populated)]);
    }

    /// <inheritdoc/>
    public IDirtyTracker StartDirtyTracking()
    {
        PageBitmap populated = FindPages();
        PageBitmap special = new(_facts.PageCount);
        foreach (int pfn in _facts.SpecialPages(populated))
        {
            special.TrySet(pfn);
        }

        return new XenDirtyTracker(_control, _facts.DomId, populated, special, Emulator);
    }

    /// <inheritdoc/>
    public IAccessRecorder StartRecording(PageBackup? backups, Action onDisposed) =>
        _isTrappable ? _recording.Start(FindPages(), backups, onDisposed) : throw EmulatorRequirements.Untrappable(_facts.Info.Name);

    /// <inheritdoc/>
    public CoreState CaptureCoreState(PageBitmap populated)
    {
        PageBitmap never = new(_facts.PageCount);

        // Which pages can never be missing is found out by trapping them. Of a domain whose pages are not trapped none will be missing.
        IEnumerable<int> untrapped = _isTrappable ? _recording.FindFixedPages(populated) : [];
        foreach (int pfn in untrapped.Concat(_facts.SpecialPages(populated)))
        {
            never.TrySet(pfn);
        }

        byte[] context = _control.GetHvmContext(_facts.DomId);
        XenTscInfo tsc = _control.GetTsc(_facts.DomId);
        XenCoreSections sections = new(
            context, new XenTsc(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation), _emulator?.Save());
        int[] pfns = [.. never.Pfns()];
        byte[] contents = new byte[pfns.Length * Page.Size];
        _memory.Read(pfns, contents);
        return new CoreState(Vcpus(context), sections.ToSections(), new PageSet(pfns, contents), 0);
    }

    /// <inheritdoc/>
    public void EndCapture() => _recording.EndCapture();

    /// <inheritdoc/>
    public void EndWithDomain() => _recording.EndWithDomain();

    /// <inheritdoc/>
    public void Dispose() => _recording.Dispose();

    private static List<VcpuState> Vcpus(byte[] context) =>
    [
        .. HvmContext.Parse(context).Vcpus.Select(vcpu => new VcpuState(vcpu.Id, vcpu.Cr3, vcpu.Paging switch
        {
            HvmPaging.FourLevels => PagingMode.FourLevel,
            HvmPaging.FiveLevels => PagingMode.FiveLevel,
            _ => PagingMode.None,
        })),
    ];
}

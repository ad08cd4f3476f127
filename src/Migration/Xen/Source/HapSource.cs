using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Source;

/// <summary>PVH and HVM domains with nested paging: recorded by trapping pages with Xen's paging interface.</summary>
internal sealed class HapSource : ISourceMechanism
{
    /// <summary>How long removing the traps may go on without progress.</summary>
    internal static readonly TimeSpan UntrapPatience = TimeSpan.FromSeconds(30);

    private readonly XenControl _control;
    private readonly DomainFacts _facts;
    private readonly XenGuestMemory _memory;
    private PageTraps? _traps;
    private bool _isRecording;

    internal HapSource(XenControl control, DomainFacts facts, DomainEmulator? emulator)
    {
        _control = control;
        _facts = facts;
        Emulator = emulator;
        _memory = new XenGuestMemory(control, facts.DomId, facts.Info.Name, facts.PageCount, static pfn => (ulong)pfn);
    }

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory;

    /// <inheritdoc/>
    public DomainEmulator? Emulator { get; }

    /// <inheritdoc/>
    public PageBitmap FindPages() => _facts.FindPages(_control);

    /// <inheritdoc/>
    public XenDomainConfiguration Describe(string json, XenHostInfo host, XenCpuPolicy policy, PageBitmap populated) => new(
        json, host.Major, host.Minor, policy.Leaves, policy.Msrs, _facts.Parameters, [.. _facts.SpecialPages(populated)]);

    /// <inheritdoc/>
    public PageBitmap FindAlwaysDirty()
    {
        PageBitmap special = new(_facts.PageCount);
        foreach (int pfn in _facts.SpecialPages(FindPages()))
        {
            special.TrySet(pfn);
        }

        return special;
    }

    /// <inheritdoc/>
    public IAccessRecorder StartRecording(PageBackup? backups, Action onDisposed)
    {
        try
        {
            IAccessRecorder recorder = XenAccessRecorder.Start(
                Traps(), _memory, FindPages(), backups, _facts.Info.Name, _ =>
                {
                    _isRecording = false;
                    onDisposed();
                    EndCapture();
                });
            _isRecording = true;
            return recorder;
        }
        catch
        {
            EndCapture();
            throw;
        }
    }

    /// <inheritdoc/>
    public CoreState CaptureCoreState()
    {
        PageBitmap populated = FindPages();
        PageBitmap never = new(_facts.PageCount);
        foreach (int pfn in Traps().Trap(populated.Pfns()).Concat(_facts.SpecialPages(populated)))
        {
            never.TrySet(pfn);
        }

        byte[] context = _control.GetHvmContext(_facts.DomId);
        XenTscInfo tsc = _control.GetTsc(_facts.DomId);
        XenCoreSections sections = new(
            context, new XenTsc(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation), Emulator?.Save());
        int[] pfns = [.. never.Pfns()];
        byte[] contents = new byte[pfns.Length * Page.Size];
        _memory.Read(pfns, contents);
        return new CoreState(Vcpus(context), sections.ToSections(), new PageSet(pfns, contents), 0);
    }

    /// <inheritdoc/>
    public void EndCapture()
    {
        if (!_isRecording && _traps is not null)
        {
            _traps.Remove();
            _traps.Dispose();
            _traps = null;
        }
    }

    /// <inheritdoc/>
    public void Abandon()
    {
        // Its traps go with it; the ring's page must be let go first.
        _traps?.Abandon();
        _traps?.Dispose();
        _traps = null;
    }

    /// <inheritdoc/>
    public void Dispose() => _traps?.Dispose();

    private static List<VcpuState> Vcpus(byte[] context) =>
    [
        .. HvmContext.Parse(context).Vcpus.Select(vcpu => new VcpuState(vcpu.Id, vcpu.Cr3, vcpu.Paging switch
        {
            HvmPaging.FourLevels => PagingMode.FourLevel,
            HvmPaging.FiveLevels => PagingMode.FiveLevel,
            _ => PagingMode.None,
        })),
    ];

    private PageTraps Traps() => _traps ??= new PageTraps(
        new XenPagingPort(_control, _facts.DomId, withContents: false), _facts.PageCount, _facts.Info.VcpuCount, _facts.Info.Name,
        UntrapPatience, TimeProvider.System);
}

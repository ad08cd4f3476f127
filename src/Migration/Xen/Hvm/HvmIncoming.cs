using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Ring;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>
/// An incoming PVH or HVM domain. Pages that arrive after it runs are missing from before the restoration on: by the hypervisor's extension,
/// where that serves such domains, otherwise taken away and told of by Xen's paging ring.
/// </summary>
internal sealed class HvmIncoming : IIncomingMechanism
{
    private readonly XenControl _control;
    private readonly DomainDescription _description;
    private readonly int _domid;
    private readonly string _name;
    private readonly XenDomainConfiguration _configuration;
    private readonly IncomingRestore _restore;
    private readonly SynthesisedRestore _stream;
    private readonly XenIncomingMemory _memory;
    private IRemotePaging? _paging;

    internal HvmIncoming(
        XenControl control, DomainDescription description, XenDomainConfiguration configuration, int domid, string name, IncomingPages pages,
        IncomingRestore restore, SynthesisedRestore stream)
    {
        _control = control;
        _description = description;
        _configuration = configuration;
        _domid = domid;
        _name = name;
        _restore = restore;
        _stream = stream;
        Pages = pages;
        _memory = new XenIncomingMemory(control, domid, name, pages);
    }

    /// <inheritdoc/>
    public IGuestMemory Memory => _memory;

    /// <inheritdoc/>
    public IncomingPages Pages { get; }

    /// <inheritdoc/>
    public TimeSpan ToolstackTime => _restore.CompletionTime;

    /// <inheritdoc/>
    public IRemotePaging EnableRemotePF()
    {
        bool isEmulated = _description.Kind == DomainKind.Hvm;
        if (isEmulated)
        {
            EmulatorRequirements.RequireTrappable(_configuration.Json, _description.Name);
        }

        // Xen is asked how many vCPUs the domain has: several of them can hang a host without the fix, so a peer's word must not decide.
        XenDomainInfo made = _control.GetDomain(_domid);
        DomainTraits traits = new(_description.Kind, made.Flags.HasFlag(XenDomainFlags.Hap), (int)made.MaxVcpuId + 1, isEmulated || _configuration.HasDevices);
        return _paging = ExtensionSupport.Choose(_control, _domid, traits).Require(_name) == Recorder.Ring ? ByRing() : ByExtension();
    }

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        XenCoreSections sections = XenCoreSections.Parse(core.Sections);
        RequireEmulator(sections);
        if (_paging is not null)
        {
            Pages.RequireCovered(core.Pages.Pfns, _name);
        }

        PlaceCorePages(core);
        XenTsc tsc = sections.Tsc;
        EmulatorState? emulator = sections.Emulator;
        _restore.Complete(
            () => _stream.Complete(
                new X86TscInfoRecord(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation),
                sections.HvmContext,
                emulator is { Store.IsEmpty: false }
                    ? new EmulatorXenstoreDataRecord(EmulatorKind.QemuUpstream, 0, emulator.Store)
                    : null,
                emulator is not null ? new EmulatorContextRecord(EmulatorKind.QemuUpstream, 0, emulator.Context) : null),
            cancellationToken);
    }

    /// <inheritdoc/>
    public PageBitmap? TakeUsedPages() => (_paging as ExtensionRemotePaging)?.TakeUsedPages();

    /// <inheritdoc/>
    public void BreakOff() => _restore.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        _paging?.Dispose();
        _restore.Dispose();
    }

    private ExtensionRemotePaging ByExtension()
    {
        ExtensionRemotePaging paging = null!;
        return paging = new ExtensionRemotePaging(
            new XenExtensionPort(_control, _domid),
            Pages.Missing,
            _name,
            later =>
            {
                Pages.Missing.Or(Pages.Want(later));
                paging.Begin(static pfn => (ulong)pfn);
            });
    }

    private RingRemotePaging ByRing() => new(
        new XenPagingPort(_control, _domid, withContents: true),
        Pages.Missing,
        _name,
        later => PageEvictor.Evict(_control, _domid, Pages.Want(later), Pages.Missing, _name));

    private void RequireEmulator(XenCoreSections sections)
    {
        bool hasEmulator = _description.Kind == DomainKind.Hvm;
        if (sections.Emulator is not null != hasEmulator)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{_name}: the core state of {(hasEmulator ? "an HVM domain lacks" : "a PVH domain has")} an emulator's state.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                _name);
        }
    }

    private void PlaceCorePages(CoreState core)
    {
        ReadOnlySpan<int> pfns = core.Pages.Pfns;
        for (int start = 0; start < pfns.Length;)
        {
            bool isMissing = Pages.Missing[pfns[start]];
            int end = start + 1;
            while (end < pfns.Length && Pages.Missing[pfns[end]] == isMissing)
            {
                end++;
            }

            ReadOnlySpan<byte> contents = core.Pages.Contents[(start * Page.Size)..(end * Page.Size)];
            if (isMissing)
            {
                _paging!.Place(pfns[start..end], contents);
            }
            else
            {
                _memory.Write(pfns[start..end], contents);
            }

            start = end;
        }
    }
}

using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Paging;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>
/// An incoming PVH domain. Its pages are missing from before the restoration on: by the hypervisor's extension, where that
/// serves such domains, otherwise taken away and told of by Xen's paging ring.
/// </summary>
internal sealed class HvmIncoming : IIncomingMechanism
{
    private readonly XenControl _control;
    private readonly string _hostName;
    private readonly int _vcpuCount;
    private readonly int _domid;
    private readonly string _name;
    private readonly IncomingRestore _restore;
    private readonly SynthesisedRestore _stream;
    private readonly XenIncomingMemory _memory;
    private IRemotePaging? _paging;

    internal HvmIncoming(
        XenControl control, string hostName, int vcpuCount, int domid, string name, IncomingPages pages,
        IncomingRestore restore, SynthesisedRestore stream)
    {
        _control = control;
        _hostName = hostName;
        _vcpuCount = vcpuCount;
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
    public IRemotePaging EnableRemotePF()
    {
        bool hasNestedPaging = _control.GetDomain(_domid).Flags.HasFlag(XenDomainFlags.Hap);
        return _paging = ExtensionSupport.IsChosenFor(_control, _domid, hasNestedPaging, _name) ? ByExtension() : ByRing();
    }

    /// <inheritdoc/>
    public void Restore(CoreState core, CancellationToken cancellationToken)
    {
        XenCoreSections sections = XenCoreSections.Parse(core.Sections);
        if (_paging is not null)
        {
            Pages.RequireCovered(core.Pages.Pfns, _name);
        }

        PlaceCorePages(core);
        XenTsc tsc = sections.Tsc;
        _restore.Complete(
            () => _stream.Complete(
                new X86TscInfoRecord(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation), sections.HvmContext),
            cancellationToken);
    }

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
        foreach (int pfn in Pages.Ordinary())
        {
            Pages.Missing.TrySet(pfn);
        }

        ExtensionRemotePaging paging = new(new XenExtensionPort(_control, _domid), Pages.Missing, _name);
        try
        {
            paging.Begin(static pfn => (ulong)pfn);
            return paging;
        }
        catch
        {
            paging.Dispose();
            throw;
        }
    }

    private RingRemotePaging ByRing()
    {
        CapabilityReport capabilities = XenCapabilities.OfPagingRing(_control, _hostName);
        capabilities.Require(MigrationCapability.RemotePF);
        if (_vcpuCount > 1)
        {
            // Without the fix two faulting vCPUs hang the whole host.
            capabilities.Require(MigrationCapability.SeveralVcpus);
        }

        XenPagingPort port = new(_control, _domid, withContents: true);
        try
        {
            PageEvictor.EvictAll(_control, _domid, Pages, _name);
        }
        catch
        {
            port.Dispose();
            throw;
        }

        return new RingRemotePaging(port, Pages.Missing, _name);
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

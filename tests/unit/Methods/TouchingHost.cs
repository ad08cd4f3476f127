using System.Collections.Concurrent;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Methods;

/// <summary>
/// A host whose incoming domains have something beside them, as an emulator is, that touches a missing page while the core
/// state is restored and does not let the restoration end before the page is there.
/// </summary>
internal sealed class TouchingHost(IMigrationHost host) : IMigrationHost
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    public string Name => host.Name;

    public string Hypervisor => host.Hypervisor;

    public long FreeMemoryBytes => host.FreeMemoryBytes;

    /// <summary>The page that was touched last, once it was there; −1 before.</summary>
    public int Touched { get; private set; } = -1;

    public CapabilityReport GetCapabilities() => host.GetCapabilities();

    public CapabilityReport GetCapabilities(DomainKind kind) => host.GetCapabilities(kind);

    public CapabilityReport Examine() => host.Examine();

    public IReadOnlyList<DomainInfo> GetDomains() => host.GetDomains();

    public void RequireIsolableOutputs(string name) => host.RequireIsolableOutputs(name);

    public DomainDescription Announce(string name) => host.Announce(name);

    public AdmissionVerdict Judge(DomainDescription description) => host.Judge(description);

    public void RequireUnclaimed(string name) => host.RequireUnclaimed(name);

    public ISourceDomain OpenSource(string name) => host.OpenSource(name);

    public ISourceDomain OpenLeft(string name) => host.OpenLeft(name);

    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken) =>
        new Domain(this, host.CreateIncoming(description, cancellationToken));

    public void Dispose()
    {
        // The host is somebody else's.
    }

    private sealed class Domain(TouchingHost owner, IIncomingDomain domain) : IIncomingDomain
    {
        private Paging? _paging;

        public DomainInfo Info => domain.Info;

        public IGuestMemory Memory => domain.Memory;

        public bool IsTouchedByRestore => true;

        public IRemotePaging EnableRemotePF() => _paging = new Paging(domain.EnableRemotePF());

        public void Restore(CoreState core, CancellationToken cancellationToken)
        {
            PageBitmap missing = _paging!.Missing.Clone();
            foreach (int pfn in core.Pages.Pfns)
            {
                missing.TryClear(pfn);
            }

            int touched = missing.Pfns().Last();
            _paging.Touch(touched);
            if (!SpinWait.SpinUntil(() => !_paging.Missing[touched], s_patience))
            {
                throw new TimeoutException($"Page {touched} was touched while the core state was restored, and did not come.");
            }

            owner.Touched = touched;
            domain.Restore(core, cancellationToken);
        }

        public bool HasRun => domain.HasRun;

        public void Mark(IncomingMark? mark, string? source = null) => domain.Mark(mark, source);

        public void Unpause() => domain.Unpause();

        public void Pause() => domain.Pause();

        public void Complete() => domain.Complete();

        public void Destroy() => domain.Destroy();

        public void Dispose() => domain.Dispose();
    }

    private sealed class Paging(IRemotePaging paging) : IRemotePaging
    {
        private readonly ConcurrentQueue<PageFault> _touches = new();

        public PageBitmap Missing => paging.Missing;

        public void Touch(int pfn) => _touches.Enqueue(new PageFault(pfn, -1, TimeProvider.System.GetTimestamp()));

        public int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken)
        {
            if (_touches.TryDequeue(out PageFault touch))
            {
                faults[0] = touch;
                return 1;
            }

            return paging.WaitFault(faults, timeout, cancellationToken);
        }

        public void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => paging.Place(pfns, pages);

        public void Disable() => paging.Disable();

        public void Dispose() => paging.Dispose();
    }
}

using System.Collections.Concurrent;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Methods;

/// <summary>
/// A host whose incoming domains have something beside them, as an emulator is, that touches a missing page while the core
/// state is restored and does not let the restoration end before the page is there.
/// </summary>
internal sealed class TouchingHost(IMigrationHost host) : ForwardingHost(host)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>The last touched page that has arrived; −1 before one has.</summary>
    public int Touched { get; private set; } = -1;

    public override IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken) =>
        new Domain(this, base.CreateIncoming(description, cancellationToken));

    private sealed class Domain(TouchingHost owner, IIncomingDomain domain) : Incoming(domain)
    {
        private Paging? _paging;

        public override bool IsTouchedByRestore => true;

        public override IRemotePaging EnableRemotePF() => _paging = new Paging(base.EnableRemotePF());

        public override void Restore(CoreState core, CancellationToken cancellationToken)
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
            base.Restore(core, cancellationToken);
        }
    }

    private sealed class Paging(IRemotePaging paging) : IRemotePaging
    {
        private readonly ConcurrentQueue<PageFault> _touches = new();

        public PageBitmap Missing => paging.Missing;

        public void TakeAway(PageBitmap pages) => paging.TakeAway(pages);

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

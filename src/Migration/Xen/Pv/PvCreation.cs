using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Pv;

/// <summary>Makes a PV domain: the toolstack allocates every page of it, as the stream announces them.</summary>
internal sealed class PvCreation : IncomingCreation
{
    private readonly XenControl _control;
    private readonly string _hostName;
    private SynthesisedPvRestore? _stream;

    internal PvCreation(
        XenControl control, string hostName, DomainDescription description, XenDomainConfiguration configuration)
        : base(control, description, configuration)
    {
        _control = control;
        _hostName = hostName;
        if (configuration.P2mPages.Count == 0 || configuration.P2mPages.Any(pfn => !Pages.Populated[pfn]))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{description.Name}: the source does not say in which pages the domain keeps its p2m.",
                "Install the same version of the module on both hosts.", description.Name);
        }
    }

    /// <inheritdoc/>
    protected override void BeginStream(Stream input)
    {
        _stream = new SynthesisedPvRestore(input, Settings);
        _stream.Begin();
    }

    /// <inheritdoc/>
    protected override void AnnouncePages() =>
        _stream!.Prepare(Description.PageCount, Configuration.P2mPages, Pages.Populated.Pfns());

    /// <inheritdoc/>
    protected override void Allocate(IRestoreProcess restore, int domid, CancellationToken cancellationToken)
    {
        ulong wanted = (ulong)Pages.Populated.Count;
        for (ulong held = 0; held < wanted;)
        {
            // Much memory takes its time: only standing still for long is an error.
            ulong before = held;
            WaitFor(restore, () => (held = Control.GetDomain(domid).TotalPages) > before, cancellationToken);
        }
    }

    /// <inheritdoc/>
    protected override IIncomingMechanism Build(IncomingRestore restore, int domid) =>
        new PvIncoming(_control, _hostName, domid, Arrival.ProvisionalName, Pages, restore, _stream!);
}

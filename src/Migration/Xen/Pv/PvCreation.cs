using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Pv;

/// <summary>Makes a PV domain: the toolstack allocates every page of it, as the stream announces them.</summary>
internal sealed class PvCreation : IIncomingKind
{
    private readonly XenControl _control;
    private readonly DomainDescription _description;
    private readonly XenDomainConfiguration _configuration;
    private SynthesisedPvRestore? _stream;

    internal PvCreation(XenControl control, DomainDescription description, XenDomainConfiguration configuration)
    {
        _control = control;
        _description = description;
        _configuration = configuration;
        Pages = new IncomingPages(description, configuration);
        if (configuration.P2mPages.Count == 0 || configuration.P2mPages.Any(pfn => !Pages.Populated[pfn]))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{description.Name}: the source does not say in which pages the domain keeps its p2m.",
                "Install the same version of the module on both hosts.", description.Name);
        }
    }

    /// <inheritdoc/>
    public IncomingPages Pages { get; }

    /// <inheritdoc/>
    public void BeginStream(Stream input, SynthesisedRestoreSettings settings)
    {
        _stream = new SynthesisedPvRestore(input, settings);
        _stream.Begin();
    }

    /// <inheritdoc/>
    public void AnnouncePages() => _stream!.Prepare(_description.PageCount, _configuration.P2mPages, Pages.Populated.Pfns());

    /// <inheritdoc/>
    public void Allocate(IRestoreProcess process, int domid, CancellationToken cancellationToken)
    {
        ulong wanted = (ulong)Pages.Populated.Count;
        for (ulong held = 0; held < wanted;)
        {
            // Much memory takes its time, so only a long standstill is an error.
            ulong before = held;
            IncomingRestore.WaitFor(process, () => (held = _control.GetDomain(domid).TotalPages) > before, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public IIncomingMechanism Build(IncomingRestore restore, int domid, string name) =>
        new PvIncoming(_control, domid, name, Pages, restore, _stream!);
}

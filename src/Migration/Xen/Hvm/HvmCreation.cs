using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>Makes a PVH or HVM domain: its ordinary pages are allocated here, beside the waiting toolstack.</summary>
internal sealed class HvmCreation(
    XenControl control, string hostName, DomainDescription description, XenDomainConfiguration configuration)
    : IncomingCreation(control, description, configuration)
{
    private const int PopulateChunk = 1024;
    private SynthesisedRestore? _stream;

    /// <inheritdoc/>
    protected override void BeginStream(Stream input)
    {
        RequireRing();
        _stream = new SynthesisedRestore(input, Settings with { HasEmulator = Description.Kind == DomainKind.Hvm });
        _stream.Begin();
    }

    /// <inheritdoc/>
    protected override void AnnouncePages() =>
        // Without content: it comes with the core state, and the rings among these pages are emptied anyway.
        _stream!.Prepare(
            Pages.Reserved.Select(pfn => new XenStreamPage(pfn, Streams.XenPageType.AllocateOnly, ReadOnlyMemory<byte>.Empty)),
            OrderedParameters());

    /// <inheritdoc/>
    protected override void Allocate(IRestoreProcess restore, int domid, CancellationToken cancellationToken)
    {
        // The paging ring's parameter comes last: once the domain has it, all that came before has been restored.
        WaitFor(
            restore,
            () => control.GetHvmParameter(domid, XenHvmParameters.PagingRingPfn)
                == Configuration.GetParameter(XenHvmParameters.PagingRingPfn),
            cancellationToken);
        foreach (int[] chunk in Pages.Ordinary().Chunk(PopulateChunk))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (restore.HasExited)
            {
                throw restore.Failure(null);
            }

            int done = control.Populate(domid, Array.ConvertAll(chunk, pfn => (ulong)pfn));
            if (done < chunk.Length)
            {
                throw OutOfMemory(control.GetHostInfo(), domid);
            }
        }
    }

    /// <inheritdoc/>
    protected override IIncomingMechanism Build(IncomingRestore restore, int domid) =>
        new HvmIncoming(control, hostName, Description, domid, Arrival.ProvisionalName, Pages, restore, _stream!);

    private List<HvmParameter> OrderedParameters()
    {
        List<HvmParameter> parameters = [.. Configuration.Parameters
            .Where(parameter => parameter.Index != XenHvmParameters.PagingRingPfn)
            .Select(parameter => new HvmParameter(parameter.Index, parameter.Value))];
        parameters.Add(new HvmParameter(XenHvmParameters.PagingRingPfn, Configuration.GetParameter(XenHvmParameters.PagingRingPfn)));
        return parameters;
    }

    private void RequireRing()
    {
        if (Configuration.GetParameter(XenHvmParameters.PagingRingPfn) == 0)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{Description.Name}: the source names no page for the paging ring (HVM_PARAM_PAGING_RING_PFN).",
                "Install the same version of the module on both hosts.", Description.Name);
        }
    }
}

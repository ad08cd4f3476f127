using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>Makes a PVH or HVM domain: its ordinary pages are allocated here, beside the waiting toolstack.</summary>
internal sealed class HvmCreation(XenControl control, DomainDescription description, XenDomainConfiguration configuration) : IIncomingKind
{
    private const int PopulateChunk = 1024;
    private SynthesisedRestore? _stream;

    /// <inheritdoc/>
    public IncomingPages Pages { get; } = new(description, configuration);

    /// <inheritdoc/>
    public void BeginStream(Stream input, SynthesisedRestoreSettings settings)
    {
        RequireRing();
        _stream = new SynthesisedRestore(input, settings with { HasEmulator = description.Kind == DomainKind.Hvm });
        _stream.Begin();
    }

    /// <inheritdoc/>
    public void AnnouncePages() =>
        // The pages are announced without content: that comes with the core state, and the rings among them are emptied anyway.
        _stream!.Prepare(
            Pages.Reserved.Select(pfn => new XenStreamPage(pfn, Streams.XenPageType.AllocateOnly, ReadOnlyMemory<byte>.Empty)),
            OrderedParameters());

    /// <inheritdoc/>
    public void Allocate(IRestoreProcess process, int domid, CancellationToken cancellationToken)
    {
        // The paging ring's parameter comes last: once the domain has it, all that came before has been restored.
        IncomingRestore.WaitFor(
            process,
            () => control.GetHvmParameter(domid, XenHvmParameters.PagingRingPfn)
                == configuration.GetParameter(XenHvmParameters.PagingRingPfn),
            cancellationToken);
        foreach (int[] chunk in Pages.Ordinary().Chunk(PopulateChunk))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (process.HasExited)
            {
                throw process.Failure(null);
            }

            int done = control.Populate(domid, Array.ConvertAll(chunk, pfn => (ulong)pfn));
            if (done < chunk.Length)
            {
                throw OutOfMemory(domid);
            }
        }
    }

    /// <inheritdoc/>
    public IIncomingMechanism Build(IncomingRestore restore, int domid, string name) =>
        new HvmIncoming(control, description, configuration, domid, name, Pages, restore, _stream!);

    private MigrationException OutOfMemory(int domid)
    {
        XenHostInfo host = control.GetHostInfo();
        XenDomainInfo domain = control.GetDomain(domid);
        long needed = (long)Pages.Populated.Count * Page.Size;
        long held = (long)domain.TotalPages * Page.Size;
        return new MigrationException(
            MigrationErrorId.OutOfMemory,
            string.Create(CultureInfo.InvariantCulture,
                $"{description.Name} needs {Mebibytes(needed)} MiB; it got {Mebibytes(held)} MiB, its limit is ")
            + string.Create(CultureInfo.InvariantCulture,
                $"{Mebibytes((long)domain.MaxPages * Page.Size)} MiB, and the host has {Mebibytes((long)host.FreePages * Page.Size)} MiB free."),
            "Free memory on the host (xl info shows free_memory), or choose another.",
            description.Name);
    }

    private static long Mebibytes(long bytes) => bytes >> 20;

    private List<HvmParameter> OrderedParameters()
    {
        List<HvmParameter> parameters = [.. configuration.Parameters
            .Where(parameter => parameter.Index != XenHvmParameters.PagingRingPfn)
            .Select(parameter => new HvmParameter(parameter.Index, parameter.Value))];
        parameters.Add(new HvmParameter(XenHvmParameters.PagingRingPfn, configuration.GetParameter(XenHvmParameters.PagingRingPfn)));
        return parameters;
    }

    private void RequireRing()
    {
        if (configuration.GetParameter(XenHvmParameters.PagingRingPfn) == 0)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{description.Name}: the source names no page for the paging ring (HVM_PARAM_PAGING_RING_PFN).",
                "Install the same version of the module on both hosts.", description.Name);
        }
    }
}

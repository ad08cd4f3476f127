using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>
/// Makes the paused domain that a migration comes into: the first stage of a synthesised stream goes to xl restore, which
/// makes the domain and then waits for the rest; meanwhile the domain's pages are allocated.
/// </summary>
internal sealed class IncomingCreation
{
    /// <summary>What stands behind the domain's name until it has its final one.</summary>
    internal const string NameSuffix = "--incoming";

    private const int PopulateChunk = 1024;
    private static readonly TimeSpan s_toolstackPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(10);

    private readonly XenControl _control;
    private readonly DomainDescription _description;
    private readonly XenDomainConfiguration _configuration;
    private readonly string _name;

    private IncomingCreation(XenControl control, DomainDescription description, XenDomainConfiguration configuration)
    {
        _control = control;
        _description = description;
        _configuration = configuration;
        _name = description.Name + NameSuffix;
        Pages = new IncomingPages(description, configuration);
    }

    private IncomingPages Pages { get; }

    /// <summary>Makes the domain.</summary>
    /// <param name="control">The connection to the hypervisor; the domain's object owns it from here on.</param>
    /// <param name="hostName">This host's name.</param>
    /// <param name="description">What the source says; nothing in it is believed.</param>
    /// <param name="cancellationToken">Ends the work; what was made is taken down again.</param>
    internal static XenIncomingDomain Create(
        XenControl control, string hostName, DomainDescription description, CancellationToken cancellationToken)
    {
        XenDomainConfiguration configuration = XenDomainConfiguration.Parse(description.Configuration, description.PageCount);
        RequireKind(description, configuration);
        IncomingCreation creation = new(control, description, configuration);
        creation.RequireFreeName();
        return creation.Make(hostName, cancellationToken);
    }

    private static void RequireKind(DomainDescription description, XenDomainConfiguration configuration)
    {
        if (description.Kind is not (DomainKind.Pvh or DomainKind.Hvm))
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{description.Name}: a {description.Kind} domain cannot be taken in; PVH and HVM domains can.",
                "Set type=\"pvh\" in the domain's configuration and start it again, or use `xl migrate`.",
                description.Name);
        }

        if (EmulatorRequirements.IsHvm(configuration.Json) != (description.Kind == DomainKind.Hvm))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The peer's description of {description.Name} contradicts itself: it is {description.Kind}, its configuration's type is another.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                description.Name);
        }
    }

    private void RequireFreeName()
    {
        IReadOnlyList<string> left = IncomingMarker.Sweep(_control);
        if (DomainNames.Find(_control, _name) is { } domid)
        {
            throw new MigrationException(
                left.Contains(_name) ? MigrationErrorId.DomainBusy : MigrationErrorId.DomainExists,
                left.Contains(_name)
                    ? $"{_name} (domain {domid}) was left by a migration whose process was killed after the domain began to run here."
                    : $"A domain {_name} (domain {domid}) is here already.",
                left.Contains(_name)
                    ? "It may be the only copy: look whether the source still has the domain before you destroy either."
                    : "Wait for the other migration to end, or destroy the domain if it is not needed.",
                _name);
        }
    }

    private XenIncomingDomain Make(string hostName, CancellationToken cancellationToken)
    {
        IReadOnlyList<HvmParameter> parameters = OrderedParameters();
        XlRestoreProcess restore = XlRestoreProcess.Start(_name);
        int domid = -1;
        try
        {
            SynthesisedRestore stream = Prepare(restore, parameters);
            domid = WaitForDomain(restore, cancellationToken);
            IncomingMarker marker = IncomingMarker.Place(_control, domid, _name);
            WaitForParameters(restore, domid, cancellationToken);
            Populate(restore, domid, cancellationToken);
            return new XenIncomingDomain(
                _control, hostName, _description, _name, domid, Pages, new IncomingRestore(restore, stream), marker);
        }
        catch
        {
            restore.Dispose();
            TakeDown(domid);
            throw;
        }
    }

    private SynthesisedRestore Prepare(XlRestoreProcess restore, IReadOnlyList<HvmParameter> parameters)
    {
        try
        {
            SynthesisedRestore stream = new(
                restore.Input,
                new SynthesisedRestoreSettings(
                    XlConfiguration.ForRestore(_configuration.Json, _name), _configuration.XenMajor, _configuration.XenMinor)
                {
                    CpuidPolicy = _configuration.CpuidPolicy,
                    MsrPolicy = _configuration.MsrPolicy,
                    HasEmulator = _description.Kind == DomainKind.Hvm,
                });

            // Without content: it comes with the core state, and the rings among these pages are emptied anyway.
            stream.Prepare(
                Pages.Reserved.Select(pfn => new XenStreamPage(pfn, Streams.XenPageType.AllocateOnly, ReadOnlyMemory<byte>.Empty)),
                parameters);
            return stream;
        }
        catch (IOException error)
        {
            throw restore.Failure(error);
        }
        catch (Exception error) when (error is XenStreamException or ArgumentException)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation, $"The peer's domain configuration cannot be restored: {error.Message}",
                "Install the same version of the module on both hosts.", _description.Name, error);
        }
    }

    /// <summary>
    /// The parameters, the paging ring's last: once the domain has that one, all that came before it has been restored.
    /// </summary>
    private List<HvmParameter> OrderedParameters()
    {
        List<HvmParameter> parameters = [.. _configuration.Parameters
            .Where(parameter => parameter.Index != XenHvmParameters.PagingRingPfn)
            .Select(parameter => new HvmParameter(parameter.Index, parameter.Value))];
        ulong ring = _configuration.GetParameter(XenHvmParameters.PagingRingPfn);
        if (ring == 0)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"{_description.Name}: the source names no page for the paging ring (HVM_PARAM_PAGING_RING_PFN).",
                "Install the same version of the module on both hosts.", _description.Name);
        }

        parameters.Add(new HvmParameter(XenHvmParameters.PagingRingPfn, ring));
        return parameters;
    }

    private int WaitForDomain(XlRestoreProcess restore, CancellationToken cancellationToken)
    {
        int? found = null;
        WaitFor(restore, () => (found = DomainNames.Find(_control, _name)) is not null, cancellationToken);
        return found!.Value;
    }

    private void WaitForParameters(XlRestoreProcess restore, int domid, CancellationToken cancellationToken) => WaitFor(
        restore,
        () => _control.GetHvmParameter(domid, XenHvmParameters.PagingRingPfn)
            == _configuration.GetParameter(XenHvmParameters.PagingRingPfn),
        cancellationToken);

    private static void WaitFor(XlRestoreProcess restore, Func<bool> condition, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_toolstackPatience);
        while (!condition())
        {
            if (restore.HasExited || (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested))
            {
                throw restore.Failure(null);
            }

            cancellationToken.ThrowIfCancellationRequested();
            patience.Token.WaitHandle.WaitOne(s_pollInterval);
        }
    }

    private void Populate(XlRestoreProcess restore, int domid, CancellationToken cancellationToken)
    {
        foreach (int[] chunk in Pages.Ordinary().Chunk(PopulateChunk))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (restore.HasExited)
            {
                throw restore.Failure(null);
            }

            int done = _control.Populate(domid, Array.ConvertAll(chunk, pfn => (ulong)pfn));
            if (done < chunk.Length)
            {
                throw OutOfMemory(domid);
            }
        }
    }

    private MigrationException OutOfMemory(int domid)
    {
        XenHostInfo host = _control.GetHostInfo();
        XenDomainInfo domain = _control.GetDomain(domid);
        long needed = (long)Pages.Populated.Count * Page.Size;
        long held = (long)domain.TotalPages * Page.Size;
        return new MigrationException(
            MigrationErrorId.OutOfMemory,
            string.Create(CultureInfo.InvariantCulture,
                $"{_description.Name} needs {Mebibytes(needed)} MiB; it got {Mebibytes(held)} MiB, its limit is ")
            + string.Create(CultureInfo.InvariantCulture,
                $"{Mebibytes((long)domain.MaxPages * Page.Size)} MiB, and the host has {Mebibytes((long)host.FreePages * Page.Size)} MiB free."),
            "Free memory on the host (xl info shows free_memory), or choose another.",
            _description.Name);
    }

    private static long Mebibytes(long bytes) => bytes >> 20;

    private void TakeDown(int domid)
    {
        // xl takes a half-made domain down itself; what it left goes here, by name, because the number may be another's.
        if (DomainNames.Find(_control, _name) is { } left && (domid < 0 || left == domid))
        {
            IncomingMarker.DestroyIfThere(_control, left);
        }

        if (domid >= 0)
        {
            IncomingMarker.RemoveFor(_control, domid);
        }
    }
}

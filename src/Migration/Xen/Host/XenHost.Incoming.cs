using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Xen.Host;

public sealed partial class XenHost
{
    /// <inheritdoc/>
    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        XenDomainConfiguration configuration = null!;
        MemoryPromise promise = _promises.Make(available =>
        {
            configuration = IncomingAdmission.Admit(_policyFile, description, available, _platform, out long needed);
            return needed;
        });

        XenControl? control = null;
        try
        {
            // While the domain still runs at its source: what the toolstack would not find later would cost it its standstill.
            IncomingAdmission.RequireDevices(description.Name, configuration, _devices, cancellationToken);

            // The domain gets a connection of its own: it may outlive this host's object, and its ring is bound to the connection.
            control = XenControl.Open();
            IIncomingKind kind = description.Kind switch
            {
                DomainKind.Pvh or DomainKind.Hvm => new HvmCreation(control, description, configuration),
                DomainKind.PV => new PvCreation(control, description, configuration),
                _ => throw new MigrationException(
                    MigrationErrorId.NotSupported,
                    $"{description.Name}: a {description.Kind} domain cannot be taken in; PV, PVH and HVM domains can.",
                    "Set type=\"pvh\" in the domain's configuration and start it again, or use `xl migrate`.",
                    description.Name),
            };
            return new IncomingCreation(control, description, configuration, kind).Make(Name, XlRestoreProcess.Start, cancellationToken, promise);
        }
        catch
        {
            control?.Dispose();
            promise.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which)
    {
        XenControl control = XenControl.Open();
        LeftArrival? left = null;
        try
        {
            return left = new ArrivalOpening(control, (domain, description, pages) => description.Kind == DomainKind.PV
                ? new PvAdopted(control, domain.DomId, domain.Name, pages)
                : new HvmAdopted(control, domain.DomId, domain.Name, pages), _promises).Open(Name, which);
        }
        finally
        {
            if (left is null)
            {
                control.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public AdmissionVerdict Judge(DomainDescription description) =>
        IncomingAdmission.Judge(_policyFile, description, _promises.Available, _platform, _devices);

    /// <summary>Bytes that a domain holds; 0 where it has gone.</summary>
    private long HeldBy(int domid)
    {
        try
        {
            return (long)_control.GetDomain(domid).TotalPages * Pages.Page.Size;
        }
        catch (XenException error) when (error.Errno == XenErrno.NoProcess)
        {
            return 0;
        }
    }
}

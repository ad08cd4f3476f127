using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Incoming;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;

namespace PreRecordMigration.Xen;

public sealed partial class XenHost
{
    /// <inheritdoc/>
    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        XenDomainConfiguration configuration = XenDomainConfiguration.Parse(description.Configuration, description.PageCount);
        RequireAgreement(description, configuration);

        // A connection of its own: the domain may outlive this host's object, and its ring is bound to the connection.
        XenControl control = XenControl.Open();
        try
        {
            IncomingCreation creation = description.Kind switch
            {
                DomainKind.Pvh or DomainKind.Hvm => new HvmCreation(control, Name, description, configuration),
                DomainKind.PV => new PvCreation(control, Name, description, configuration),
                _ => throw new MigrationException(
                    MigrationErrorId.NotSupported,
                    $"{description.Name}: a {description.Kind} domain cannot be taken in; PV, PVH and HVM domains can.",
                    "Set type=\"pvh\" in the domain's configuration and start it again, or use `xl migrate`.",
                    description.Name),
            };
            return creation.Make(Name, XlRestoreProcess.Start, cancellationToken);
        }
        catch
        {
            control.Dispose();
            throw;
        }
    }

    private static void RequireAgreement(DomainDescription description, XenDomainConfiguration configuration)
    {
        if (EmulatorRequirements.IsHvm(configuration.Json) != (description.Kind == DomainKind.Hvm))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The peer's description of {description.Name} contradicts itself: it is {description.Kind}, its configuration's type is another.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                description.Name);
        }
    }
}

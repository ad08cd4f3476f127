using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Incoming;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen;

public sealed partial class XenHost
{
    /// <inheritdoc/>
    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        // A connection of its own: the domain may outlive this host's object, and its ring is bound to the connection.
        XenControl control = XenControl.Open();
        try
        {
            return IncomingCreation.Create(control, Name, description, cancellationToken);
        }
        catch
        {
            control.Dispose();
            throw;
        }
    }
}

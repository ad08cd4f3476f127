using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Xen;

public sealed partial class XenHost
{
    /// <inheritdoc/>
    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        GetCapabilities().Require(MigrationCapability.RemotePF);
        throw new MigrationException(
            MigrationErrorId.NotSupported, $"{Name} cannot take a domain in.", "Use it as a source.", description.Name);
    }
}

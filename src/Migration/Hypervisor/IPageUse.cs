using PreRecordMigration.Pages;

namespace PreRecordMigration.Hypervisor;

/// <summary>
/// An incoming domain whose host can tell which pages the guest has used there. A domain of a host that cannot does not have it.
/// </summary>
public interface IPageUse
{
    /// <summary>
    /// The pages that arrived after <see cref="IIncomingDomain.EnableRemotePF"/> and that the guest has used since, given over: the next call has none. Null where
    /// that is not known. After RemotePF is off, and before the domain is let go of.
    /// </summary>
    PageBitmap? TakeUsedPages();
}

using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>Asks the hypervisor's extension whether it takes a domain, where <see cref="RecorderChoice"/> would have it.</summary>
internal static class ExtensionSupport
{
    /// <summary>
    /// The environment variable by which Xen's paging ring takes domains with nested paging ("ring") although the extension
    /// would: to compare the two.
    /// </summary>
    internal const string ChoiceVariable = "PRERECORD_XEN_PAGING";

    private const string Ring = "ring";

    /// <summary>Whether Xen's paging ring was asked for in this process.</summary>
    internal static bool IsRingAskedFor => Environment.GetEnvironmentVariable(ChoiceVariable) == Ring;

    /// <summary>Chooses by <see cref="RecorderChoice"/>, and where that names the extension, tries whether it takes the very
    /// domain.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain, which nobody records or serves yet.</param>
    /// <param name="domain">What matters about it for the choice.</param>
    /// <exception cref="XenException">EBUSY: the domain has an owner already.</exception>
    internal static RecorderChoice Choose(XenControl control, int domid, DomainTraits domain)
    {
        HostTraits host = HostTraits.Of(control);
        RecorderChoice choice = RecorderChoice.Make(domain, host, IsRingAskedFor);
        if (!choice.IsByExtension)
        {
            return choice;
        }

        using XenExtensionPort port = new(control, domid);
        return Accepts(port) ? choice : RecorderChoice.Make(domain, host with { TakesDomain = false }, IsRingAskedFor);
    }

    /// <summary>Whether the extension takes a domain. This becomes its owner for a moment to find out.</summary>
    /// <exception cref="XenException">EBUSY: the domain has an owner already.</exception>
    internal static bool Accepts(IExtensionPort port)
    {
        try
        {
            port.Prepare(1, 0);
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NotSupported)
        {
            return false;
        }

        port.Release();
        return true;
    }
}

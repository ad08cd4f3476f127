using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Extension;

/// <summary>Whether the hypervisor's extension, or Xen's paging ring, records and serves a domain.</summary>
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

    /// <summary>Chooses for a PVH or HVM domain: the extension, unless only Xen's paging ring takes the domain, or the ring was asked for.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="domid">The domain, which nobody records or serves yet.</param>
    /// <param name="hasNestedPaging">Whether it has nested paging: only then there is a choice.</param>
    /// <param name="subject">Its name, for errors.</param>
    /// <exception cref="MigrationException">It has no nested paging and the hypervisor no extension, or it has an owner.</exception>
    internal static bool IsChosenFor(XenControl control, int domid, bool hasNestedPaging, string subject)
    {
        if (!XenExtension.IsSupported(control))
        {
            return hasNestedPaging ? false : throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{subject} runs without hardware-assisted paging (hap=0), and the hypervisor lacks the extension that records and serves such domains.",
                XenErrno.ExtensionRemedy + " Or remove hap=0 from the domain's configuration and start it again.",
                subject);
        }

        if (hasNestedPaging && IsRingAskedFor && control.SupportsPaging())
        {
            return false;
        }

        using XenExtensionPort port = new(control, domid);
        return Accepts(port) || (hasNestedPaging ? false : throw new MigrationException(
            MigrationErrorId.NotSupported,
            $"{subject} cannot be recorded or served by the hypervisor's extension.",
            "Look at `xl dmesg` for what the hypervisor says of it.",
            subject));
    }

    /// <summary>Whether the extension takes a domain: becomes its owner for a moment.</summary>
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

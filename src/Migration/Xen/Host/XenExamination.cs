using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Host;

/// <summary>What a Xen host's abilities rest on: one verdict each, with its reason and its remedy.</summary>
internal static class XenExamination
{
    /// <summary>Free memory in bytes below which there is no room for any domain worth moving.</summary>
    private const long SmallDomain = 128L << 20;

    /// <summary>The verdicts, in an order in which the remedy of each helps those after it.</summary>
    internal static IReadOnlyList<Capability> Of(XenHostFacts facts, XenExtensionAnswer extension, XlAnswer toolstack) =>
    [
        Hypervisor(facts),
        MemoryPaging(facts),
        ShadowPaging(facts),
        Extension(extension),
        NestedExtension(facts, extension),
        Toolstack(facts, toolstack),
        FreeMemory(facts),
        new(MigrationCapability.InPlaceRollback, false,
            "A Xen domain cannot be put back in place: Restore-PageBackup restores its checkpoint into a fresh domain on this host.",
            "Keep as much memory free as the domain has while it is rolled back; nothing else is missing."),
    ];

    private static Capability Hypervisor(XenHostFacts facts) =>
        new XenVersion(facts.Info.Major, facts.Info.Minor).IsKnown
            ? Yes(MigrationCapability.Hypervisor, $"Xen {facts.Version}.")
            : No(MigrationCapability.Hypervisor,
                $"Xen {facts.Version}: this module has libraries for Xen {XenVersion.KnownText}.",
                $"Boot Xen {XenVersion.KnownText} with its own tools.");

    private static Capability MemoryPaging(XenHostFacts facts) => facts.HasMemoryPaging
        ? Yes(MigrationCapability.MemoryPaging, "The hypervisor was built with MEM_PAGING.")
        : No(MigrationCapability.MemoryPaging, "The hypervisor was built without MEM_PAGING.", XenErrno.BuildRemedy);

    private static Capability ShadowPaging(XenHostFacts facts) => facts.HasShadowPaging
        ? Yes(MigrationCapability.ShadowPaging, "The hypervisor was built with SHADOW_PAGING.")
        : No(MigrationCapability.ShadowPaging, "The hypervisor was built without SHADOW_PAGING.", XenErrno.BuildRemedy);

    private static Capability Extension(XenExtensionAnswer answer) => answer switch
    {
        XenExtensionAnswer.Present => Yes(MigrationCapability.Extension, "The hypervisor answers the extension's hypercall."),
        XenExtensionAnswer.OtherVersion => No(MigrationCapability.Extension,
            "The hypervisor has the extension in another version.",
            "Build hypervisor and module from the same version of this project, and boot it."),
        _ => No(MigrationCapability.Extension, "The hypervisor does not know the extension's hypercall.", XenErrno.BuildRemedy),
    };

    private static Capability NestedExtension(XenHostFacts facts, XenExtensionAnswer answer)
    {
        if (answer == XenExtensionAnswer.Present && facts.HasNestedExtension)
        {
            return Yes(MigrationCapability.NestedExtension, "The extension takes domains with nested paging.");
        }

        return answer != XenExtensionAnswer.Present
            ? No(MigrationCapability.NestedExtension, "The hypervisor lacks the extension.", XenErrno.BuildRemedy)
            : No(MigrationCapability.NestedExtension,
                "The extension takes domains with nested paging on AMD's processors only; here Xen's paging ring is used for them.",
                "Nothing is missing for moves; on an AMD host, build the hypervisor anew by native/hypervisor/build.");
    }

    private static Capability Toolstack(XenHostFacts facts, XlAnswer answer) => answer switch
    {
        { IsFound: false } => No(MigrationCapability.Toolstack, "There is no xl on the PATH.", XenVersion.ToolstackRemedy),
        { ExitCode: not 0 } => No(MigrationCapability.Toolstack,
            $"xl does not work with this hypervisor: {answer.Text}",
            $"Install the tools of Xen {new XenVersion(facts.Info.Major, facts.Info.Minor)}, run as root, and see that xenstored runs."),
        _ => Yes(MigrationCapability.Toolstack, $"xl works with this hypervisor (Xen {answer.Text})."),
    };

    private static Capability FreeMemory(XenHostFacts facts)
    {
        long free = (long)facts.Info.FreePages * Page.Size;
        string reason = $"{free >> 20} MiB of {(long)facts.Info.TotalPages * Page.Size >> 20} MiB are free.";
        return free >= SmallDomain
            ? Yes(MigrationCapability.FreeMemory, reason)
            : No(MigrationCapability.FreeMemory, reason,
                "Shut a domain down, or give the control domain a fixed size (dom0_mem=) when Xen boots.");
    }

    private static Capability Yes(MigrationCapability kind, string reason) => new(kind, true, reason, "");

    private static Capability No(MigrationCapability kind, string reason, string remedy) => new(kind, false, reason, remedy);
}

using PreRecordMigration.Hypervisor;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Host;

/// <summary>What a Xen host can do, and why not, found out without touching a domain.</summary>
internal static class XenCapabilities
{
    /// <summary>Asks the host, for domains with nested paging.</summary>
    internal static CapabilityReport Of(XenControl control, string hostName) =>
        Of(XenHostFacts.Read(control), control.ProbeExtension(), hostName, ExtensionSupport.IsRingAskedFor);

    /// <summary>What a migration asks of a host that says this of itself, for domains with nested paging.</summary>
    /// <param name="facts">What the host says.</param>
    /// <param name="answer">What its extension says.</param>
    /// <param name="hostName">Its name.</param>
    /// <param name="prefersRing">Whether the ring goes before the extension where both are there.</param>
    internal static CapabilityReport Of(XenHostFacts facts, XenExtensionAnswer answer, string hostName, bool prefersRing)
    {
        RecorderChoice Choice(int vcpus) => RecorderChoice.Make(new(DomainKind.Pvh, true, vcpus, HasBackends: false), new(facts, answer), prefersRing);
        return Report(facts, answer, hostName, Choice(1), Choice(2));
    }

    /// <summary>Asks the host, for paravirtualised domains.</summary>
    internal static CapabilityReport OfParavirtualised(XenControl control, string hostName)
    {
        XenHostFacts facts = XenHostFacts.Read(control);
        XenExtensionAnswer answer = control.ProbeExtension();
        RecorderChoice choice = OfParavirtualised(facts, answer);
        return Report(facts, answer, hostName, choice, choice);
    }

    private static RecorderChoice OfParavirtualised(XenHostFacts facts, XenExtensionAnswer answer) =>
        RecorderChoice.Make(DomainTraits.Paravirtualised, new(facts, answer), prefersRing: false);

    private static CapabilityReport Report(
        XenHostFacts facts, XenExtensionAnswer answer, string hostName, RecorderChoice recording, RecorderChoice severalVcpus) => new(
        hostName,
        [
            new(MigrationCapability.Control, true, $"The hypervisor answers (Xen {facts.Info.Major}.{facts.Info.Minor}).", ""),
            Is(MigrationCapability.Recording, recording),
            Is(MigrationCapability.Rollback, recording),
            OutputIsolation(OutputLayers.OfThisMachine),
            new(MigrationCapability.DirtyTracking, true, "Xen's log-dirty mode.", ""),
            Is(MigrationCapability.RemotePF, recording),
            Is(MigrationCapability.SeveralVcpus, severalVcpus),
            Is(MigrationCapability.ParavirtualisedDomains, OfParavirtualised(facts, answer)),
            new(MigrationCapability.Receiver, true, "This session can receive for it: Start-MigrationReceiver.", ""),
        ]);

    /// <summary>A host that lacks what holds devices back still rolls back domains without any, so it can all the same.</summary>
    internal static Capability OutputIsolation(OutputLayers layers)
    {
        string[] missing = [.. new[] { layers.Network.Missing, layers.Disks.Missing }.OfType<string>().Distinct()];
        return new(
            MigrationCapability.OutputIsolation,
            true,
            missing.Length == 0
                ? "Network cards of the control domain and disks under device-mapper are held back; domains with other outputs are refused, by name."
                : $"Domains without network cards, disks and other outputs can be rolled back. For those with them this host lacks {string.Join(" and ", missing)}.",
            missing.Length == 0 ? "" : "Install it where such domains are to be rolled back; the mode Observe takes them as it is.");
    }

    private static Capability Is(MigrationCapability kind, RecorderChoice choice) =>
        new(kind, choice.Recorder is not null, choice.Reason, choice.Remedy);
}

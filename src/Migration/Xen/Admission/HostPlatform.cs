using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// What a host runs domains on: its hypervisor and its processors. What a domain needs of them and they have not, is found before the domain
/// stops: the toolstack would find the one when the domain stands still, and the hypervisor takes the other away without a word.
/// </summary>
/// <param name="version">The host's Xen.</param>
/// <param name="processors">Reads the most that Xen offers to domains of a kind here.</param>
internal sealed class HostPlatform(XenVersion version, Func<DomainKind, XenCpuPolicy> processors)
{
    /// <summary>Finds what the host has not.</summary>
    /// <param name="kind">The domain's kind.</param>
    /// <param name="domain">What its source says of it.</param>
    internal IReadOnlyList<AdmissionRefusal> FindMissing(DomainKind kind, XenDomainConfiguration domain)
    {
        XenVersion source = new(domain.XenMajor, domain.XenMinor);
        if (source > version)
        {
            // As Xen has it: a newer one reads what an older one wrote, never the reverse.
            return
            [
                AdmissionRefusal.OfHost(
                    "Xen", $"the domain runs on Xen {source}, and this host has Xen {version}: a domain moves to the same or to a newer one",
                    $"Choose a host with Xen {source} or newer, or install it there."),
            ];
        }

        return domain.CpuidPolicy.IsEmpty && domain.MsrPolicy.IsEmpty
            ? []
            : [.. CpuNeeds.FindMissing(new(domain.CpuidPolicy.ToArray(), domain.MsrPolicy.ToArray()), processors(kind))];
    }
}

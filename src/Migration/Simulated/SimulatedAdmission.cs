using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Simulated;

/// <summary>The admission to a simulated host, by the same policy as a Xen host's, as far as simulated domains have what it speaks
/// of.</summary>
internal static class SimulatedAdmission
{
    /// <summary>Says what of a domain is not let in.</summary>
    /// <param name="policyFile">The policy's absolute path; null where everything is let in.</param>
    /// <param name="description">What the peer says of the domain.</param>
    /// <exception cref="MigrationException">The policy cannot be used, or the description is malformed.</exception>
    internal static AdmissionVerdict Judge(string? policyFile, DomainDescription description)
    {
        if (policyFile is null)
        {
            return AdmissionVerdict.Open;
        }

        AdmissionPolicy policy = AdmissionPolicy.Load(policyFile);
        List<AdmissionRefusal> refusals = [];
        if (description.Kind != DomainKind.Simulated || !policy.Kinds.Contains("simulated"))
        {
            refusals.Add(new AdmissionRefusal("kind", $"{description.Kind} domains are not let in", "\"kinds\": [\"simulated\"]"));
            return new AdmissionVerdict(policyFile, refusals);
        }

        long memory = DomainConfiguration.Read(description.Configuration, description.Name).Options.MemoryBytes;
        if (policy.MaximumMemory is { } most && memory > most)
        {
            refusals.Add(new AdmissionRefusal("memory", $"it has {memory} bytes, more than {most}", $"\"maximumMemory\": {memory}"));
        }

        if (policy.MaximumVcpus is { } vcpus && description.VcpuCount > vcpus)
        {
            refusals.Add(new AdmissionRefusal(
                "vcpus", $"{description.VcpuCount} are more than {vcpus}", $"\"maximumVcpus\": {description.VcpuCount}"));
        }

        return new AdmissionVerdict(policyFile, refusals);
    }

    /// <summary>Finds what a host lacks of what every simulated domain has: processors with AVX2, a network card and a disk.</summary>
    /// <param name="options">What the host has.</param>
    internal static IReadOnlyList<AdmissionRefusal> FindMissing(SimulatedHostOptions options) =>
    [
        .. options.HasAvx2
            ? []
            : new[]
            {
                AdmissionRefusal.OfHost(
                    "CPUID 0x7:0.ebx", "the domain has avx2, which this host's processors do not offer", "Let go of the host (Disconnect-MigrationHost) and make it anew: New-SimulatedHost -Without must not name Avx2."),
            },
        .. options.HasBridge
            ? []
            : new[] { AdmissionRefusal.OfDevice("network card 0", "there is no bridge \"simbr0\"", "Make the host anew, without Bridge in New-SimulatedHost -Without.") },
        .. options.ReachesDisks
            ? []
            : new[] { AdmissionRefusal.OfDevice("disk 0", "\"/dev/sim/disk\" is not there", "Make the host anew, without Disk in New-SimulatedHost -Without.") },
    ];
}

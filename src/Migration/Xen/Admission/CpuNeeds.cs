using System.Buffers.Binary;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Admission;

/// <summary>
/// Compares what a domain has been told of its processors with the most that Xen can offer it elsewhere. Xen itself refuses only more leaves
/// and what a domain may do with the processor's platform information (x86_cpu_policies_are_compatible): a feature that it lacks it takes away
/// from the running domain, which fails at the next instruction of it.
/// </summary>
internal static class CpuNeeds
{
    /// <summary>XEN_CPUID_NO_SUBLEAF.</summary>
    private const uint NoSubleaf = uint.MaxValue;

    /// <summary>MSR_INTEL_PLATFORM_INFO.</summary>
    private const uint PlatformInfo = 0xCE;

    private const string Remedy =
        "Choose a host whose processors have it, or start the domain anew without it (cpuid= in its configuration, or cpuid=no-… where its "
        + "host's Xen boots), and move it then.";

    /// <summary>The leaves whose EAX is the last leaf, or subleaf, of their kind.</summary>
    private static readonly (uint Leaf, uint Subleaf, string Place)[] s_limits =
        [(0, NoSubleaf, "0x0.eax"), (7, 0, "0x7:0.eax"), (0x80000000, NoSubleaf, "0x80000000.eax")];

    /// <summary>Finds what a domain has and a host cannot give it, a refusal for each register.</summary>
    /// <param name="domain">What the domain has been told, from a peer.</param>
    /// <param name="host">The most that the host's Xen can tell domains of its kind.</param>
    internal static IEnumerable<AdmissionRefusal> FindMissing(XenCpuPolicy domain, XenCpuPolicy host)
    {
        foreach ((uint leaf, uint subleaf, string place) in s_limits)
        {
            uint last = Find(domain, leaf, subleaf, CpuidRegister.Eax);
            uint here = Find(host, leaf, subleaf, CpuidRegister.Eax);
            if (last > here)
            {
                yield return Refuse(place, $"the domain knows leaves up to 0x{last:x}, and this host has them up to 0x{here:x}");
            }
        }

        foreach (CpuFeatureWord word in CpuFeatureWord.All)
        {
            uint subleaf = word.Subleaf ?? NoSubleaf;
            uint missing = Find(domain, word.Leaf, subleaf, word.Register) & ~Find(host, word.Leaf, subleaf, word.Register);
            string names = string.Join(", ", word.NamesOf(missing));
            if (names.Length > 0)
            {
                yield return Refuse(word.Place, $"the domain has {names}, which this host's processors, or its Xen, do not offer");
            }
        }

        ulong platform = FindMsr(domain, PlatformInfo) & ~FindMsr(host, PlatformInfo);
        if (platform != 0)
        {
            yield return AdmissionRefusal.OfHost(
                "MSR 0xce", FormattableString.Invariant($"the domain has its bits 0x{platform:x}, which this host's processors, or its Xen, do not offer"), Remedy);
        }
    }

    private static AdmissionRefusal Refuse(string place, FormattableString reason) =>
        AdmissionRefusal.OfHost($"CPUID {place}", FormattableString.Invariant(reason), Remedy);

    /// <summary>A register of a leaf; 0 where the policy has none such, as a processor answers that has none.</summary>
    private static uint Find(XenCpuPolicy policy, uint leaf, uint subleaf, CpuidRegister register)
    {
        for (ReadOnlySpan<byte> rest = policy.Leaves; rest.Length >= XenCpuPolicy.LeafSize; rest = rest[XenCpuPolicy.LeafSize..])
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(rest) == leaf && BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) == subleaf)
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(rest[(8 + ((int)register * sizeof(uint)))..]);
            }
        }

        return 0;
    }

    private static ulong FindMsr(XenCpuPolicy policy, uint index)
    {
        for (ReadOnlySpan<byte> rest = policy.Msrs; rest.Length >= XenCpuPolicy.MsrSize; rest = rest[XenCpuPolicy.MsrSize..])
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(rest) == index)
            {
                return BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]);
            }
        }

        return 0;
    }
}

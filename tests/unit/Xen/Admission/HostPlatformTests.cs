using System.Buffers.Binary;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>What a host's Xen and its processors cannot do for a domain is named, with what to do; what they can is not.</summary>
public sealed class HostPlatformTests
{
    private const uint None = uint.MaxValue;
    private const uint Avx2 = 1u << 5;
    private const uint Bmi2 = 1u << 8;
    private const uint OsXsave = 1u << 27;
    private const uint NoFpuSel = 1u << 13;

    private static readonly XenCpuPolicy s_host = Policy([(0, None, [0xD, 0, 0, 0]), (1, None, [0, 0, 0x1, 0x2]), (7, 0, [1, Avx2 | Bmi2, 0, 0])]);

    [Fact]
    public void A_domain_of_a_newer_Xen_is_refused()
    {
        AdmissionRefusal refusal = Assert.Single(Missing(new(4, 17), Domain(20, s_host)));
        Assert.Equal("Xen: the domain runs on Xen 4.20, and this host has Xen 4.17: a domain moves to the same or to a newer one", refusal.ToString());
        Assert.Contains("Xen 4.20 or newer", refusal.AllowedBy, StringComparison.Ordinal);
        MigrationException error = Assert.Single(new AdmissionVerdict("/policy", [refusal]).Errors("vm"));
        Assert.Equal(MigrationErrorId.HostIncompatible, error.ErrorId);
        Assert.StartsWith("The destination cannot run vm: Xen: the domain runs on Xen 4.20", error.Message, StringComparison.Ordinal);
        Assert.Equal(refusal.AllowedBy, error.Remedy);
    }

    [Theory]
    [InlineData(17, 17)]
    [InlineData(17, 20)]
    [InlineData(20, 20)]
    public void A_domain_of_the_same_or_an_older_Xen_may_come(uint from, uint to) => Assert.Empty(Missing(new(4, to), Domain(from, s_host)));

    [Fact]
    public void A_feature_that_the_host_has_not_is_named_with_its_leaf()
    {
        XenCpuPolicy domain = Policy([(0, None, [0xD, 0, 0, 0]), (7, 0, [0, Avx2 | Bmi2, 0, 0])]);
        XenCpuPolicy host = Policy([(0, None, [0xD, 0, 0, 0]), (7, 0, [0, Bmi2, 0, 0])]);
        AdmissionRefusal refusal = Assert.Single(Missing(new(4, 20), Domain(20, domain), host));
        Assert.Equal("CPUID 0x7:0.ebx: the domain has avx2, which this host's processors, or its Xen, do not offer", refusal.ToString());
        Assert.Contains("cpuid=", refusal.AllowedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_register_that_lacks_something_is_named_once()
    {
        XenCpuPolicy domain = Policy([(1, None, [0, 0, 1u << 12, 1u << 26]), (7, 0, [0, Avx2 | Bmi2, 0, 0]), (0xD, 1, [0x2, 0, 0, 0])]);
        Assert.Equal(
            ["CPUID 0x1.ecx", "CPUID 0x1.edx", "CPUID 0x7:0.ebx", "CPUID 0xd:1.eax"],
            Missing(new(4, 20), Domain(20, domain), Policy([])).Select(refusal => refusal.ToString().Split(": the")[0]));
    }

    [Fact]
    public void What_a_kernel_switches_or_Xen_sets_for_each_host_is_no_feature_of_the_domain()
    {
        XenCpuPolicy domain = Policy([(1, None, [0, 0, OsXsave, 0]), (7, 0, [0, NoFpuSel | (1u << 6), 1u << 4, 0])]);
        Assert.Empty(Missing(new(4, 20), Domain(20, domain), Policy([])));
    }

    [Fact]
    public void More_leaves_than_the_host_has_are_refused()
    {
        XenCpuPolicy domain = Policy([(0, None, [0x16, 0, 0, 0]), (7, 0, [2, 0, 0, 0]), (0x80000000, None, [0x80000021, 0, 0, 0])]);
        XenCpuPolicy host = Policy([(0, None, [0xD, 0, 0, 0]), (7, 0, [1, 0, 0, 0]), (0x80000000, None, [0x80000008, 0, 0, 0])]);
        Assert.Equal(
            [
                "CPUID 0x0.eax: the domain knows leaves up to 0x16, and this host has them up to 0xd",
                "CPUID 0x7:0.eax: the domain knows leaves up to 0x2, and this host has them up to 0x1",
                "CPUID 0x80000000.eax: the domain knows leaves up to 0x80000021, and this host has them up to 0x80000008",
            ],
            Missing(new(4, 20), Domain(20, domain), host).Select(refusal => refusal.ToString()));
    }

    [Fact]
    public void What_a_domain_may_do_with_the_platforms_information_is_compared_too()
    {
        XenCpuPolicy domain = Policy([]) with { Msrs = Msr(0xCE, 1UL << 31) };
        Assert.Equal("MSR 0xce", Assert.Single(Missing(new(4, 20), Domain(20, domain), Policy([]))).ToString().Split(": the")[0]);
        Assert.Empty(Missing(new(4, 20), Domain(20, domain), domain));
    }

    [Fact]
    public void A_domain_that_brings_no_policy_gets_the_hosts() =>
        Assert.Empty(new HostPlatform(new(4, 17), _ => throw new InvalidOperationException()).FindMissing(DomainKind.Pvh, Domain(17, Policy([]))));

    [Theory]
    [InlineData(DomainKind.PV)]
    [InlineData(DomainKind.Pvh)]
    public void The_processors_are_those_that_domains_of_its_kind_get(DomainKind kind)
    {
        DomainKind? asked = null;
        HostPlatform platform = new(new(4, 20), of =>
        {
            asked = of;
            return s_host;
        });
        Assert.Empty(platform.FindMissing(kind, Domain(20, s_host)));
        Assert.Equal(kind, asked);
    }

    [Fact]
    public void Every_word_of_features_fits_its_register_and_is_named_once()
    {
        Assert.All(CpuFeatureWord.All, word => Assert.InRange(word.Names.Split(' ').Length, 1, 32));
        string[] names = [.. CpuFeatureWord.All.SelectMany(word => word.NamesOf(uint.MaxValue))];
        Assert.Equal(names.Distinct(), names);
        Assert.Equal(CpuFeatureWord.All.Select(word => word.Place).Distinct(), CpuFeatureWord.All.Select(word => word.Place));
        Assert.Equal(["avx2"], CpuFeatureWord.All.Single(word => word.Place == "0x7:0.ebx").NamesOf(Avx2));
        Assert.Equal(["lm"], CpuFeatureWord.All.Single(word => word.Place == "0x80000001.edx").NamesOf(1u << 29));
    }

    private static IReadOnlyList<AdmissionRefusal> Missing(XenVersion version, XenDomainConfiguration domain, XenCpuPolicy? host = null) =>
        new HostPlatform(version, _ => host ?? s_host).FindMissing(DomainKind.Pvh, domain);

    private static XenDomainConfiguration Domain(uint minor, XenCpuPolicy policy) => new("{}", 4, minor, policy.Leaves, policy.Msrs, [], []);

    /// <summary>A policy of leaves, each with its EAX, EBX, ECX and EDX.</summary>
    private static XenCpuPolicy Policy((uint Leaf, uint Subleaf, uint[] Registers)[] leaves)
    {
        byte[] bytes = new byte[leaves.Length * XenCpuPolicy.LeafSize];
        for (int i = 0; i < leaves.Length; i++)
        {
            uint[] words = [leaves[i].Leaf, leaves[i].Subleaf, .. leaves[i].Registers];
            for (int word = 0; word < words.Length; word++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((i * XenCpuPolicy.LeafSize) + (word * sizeof(uint))), words[word]);
            }
        }

        return new XenCpuPolicy(bytes, []);
    }

    private static byte[] Msr(uint index, ulong value)
    {
        byte[] bytes = new byte[XenCpuPolicy.MsrSize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, index);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), value);
        return bytes;
    }
}

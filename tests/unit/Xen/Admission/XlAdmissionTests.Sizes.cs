using System.Text.Json.Nodes;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <content>How much memory and how many vCPUs a peer's configuration may ask for.</content>
public partial class XlAdmissionTests
{
    [Theory]
    [InlineData(131072, null, 132L << 20, true)]
    [InlineData(131072, null, (132L << 20) - 1, false)]
    [InlineData(131072, "128MiB", 132L << 20, true)]
    [InlineData(131072, "128MiB", (132L << 20) - 1, false)]
    [InlineData(131073, "128MiB", long.MaxValue, false)]
    public void A_domain_has_no_more_memory_than_the_policy_or_the_host_has_for_it(long kibibytes, string? limit, long free, bool comesIn)
    {
        JsonObject policy = JsonNode.Parse(Lab, null, s_withComments)!.AsObject();
        policy["maximumMemory"] = limit;
        if (limit is null)
        {
            policy.Remove("maximumMemory");
        }

        string json = With(With(Domain(), "b_info.max_memkb", $"{kibibytes}"), "b_info.target_memkb", $"{kibibytes}");
        _ = XlAdmission.Build(Read(policy.ToJsonString()), Announced("vm", DomainKind.Pvh), json, free, out IReadOnlyList<AdmissionRefusal> refusals, out long needed);
        Assert.Equal(comesIn, refusals.Count == 0);

        // A MiB for its vCPU, one for its page tables and two of the toolstack's, in whole units of two.
        Assert.Equal((kibibytes == 131072 ? 132L : 134L) << 20, needed);

        // No line of a policy makes memory.
        Assert.All(refusals, refusal => Assert.Equal(needed > free ? "" : $"\"maximumMemory\": {kibibytes * 1024}", refusal.AllowedBy));
    }

    [Theory]
    [InlineData(DomainKind.Pvh, 64, 64L << 20, null, (64L << 20) + (64L << 10) + (512L << 10) + 2048)]
    [InlineData(DomainKind.PV, 1, 1L << 20, null, (1L << 20) + 1024 + 8192 + 1024)]
    [InlineData(DomainKind.Pvh, 1, 128L << 10, 8192L, (128L << 10) + 8192 + 2048)]
    [InlineData(DomainKind.Pvh, 1, 128L << 10, 0L, (128L << 10) + 2048)]
    public void What_the_toolstack_gives_a_domain_for_page_tables_counts_whether_its_configuration_says_so_or_not(
        DomainKind kind, int vcpus, long kibibytes, long? shadow, long needed)
    {
        string json = With(With(Domain(kind == DomainKind.PV ? "pv" : "pvh"), "b_info.max_memkb", $"{kibibytes}"), "b_info.target_memkb", $"{kibibytes}");
        json = With(json, "b_info.max_vcpus", $"{vcpus}");
        json = shadow is { } given ? With(json, "b_info.shadow_memkb", $"{given}") : json;
        XlAdmission.Build(Read(Lab), Announced("vm", kind) with { VcpuCount = vcpus }, json, 0, out IReadOnlyList<AdmissionRefusal> refusals, out long counted);
        Assert.Equal((needed + 2047) / 2048 * 2048 * 1024, counted);
        Assert.Equal("b_info.target_memkb", Assert.Single(refusals).Setting);
    }

    [Theory]
    [InlineData(2048, true)]
    [InlineData(2049, false)]
    public void More_for_page_tables_than_every_domain_of_its_size_gets_counts_as_its_memory(long shadow, bool comesIn)
    {
        JsonObject policy = JsonNode.Parse(Lab, null, s_withComments)!.AsObject();
        policy["maximumMemory"] = "128MiB";
        AdmissionRefusal[] refusals = Refusals(Read(policy.ToJsonString()), With(Domain(), "b_info.shadow_memkb", $"{shadow}"));
        Assert.Equal(comesIn, refusals.Length == 0);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(null, 2)]
    public void A_domain_has_as_many_vcpus_as_its_source_announced(int? configured, int announced)
    {
        JsonObject json = JsonNode.Parse(Domain())!.AsObject();
        json["b_info"]!["max_vcpus"] = configured;
        if (configured is null)
        {
            json["b_info"]!.AsObject().Remove("max_vcpus");
        }

        XlAdmission.Build(
            Read(Lab), Announced("vm", DomainKind.Pvh) with { VcpuCount = announced }, json.ToJsonString(), long.MaxValue, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        AdmissionRefusal refusal = Assert.Single(refusals);
        Assert.Equal("b_info.max_vcpus", refusal.Setting);
        Assert.Contains($"announced a domain of {announced} vCPUs", refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void More_pages_than_its_configuration_speaks_of_count_as_memory_too()
    {
        DomainDescription inflated = Announced("vm", DomainKind.Pvh) with { PageCount = 1 << 20, Populated = [new PageRange(0, 1 << 16)] };
        XlAdmission.Build(Read(Lab), inflated, Domain(), 260L << 20, out IReadOnlyList<AdmissionRefusal> fits, out _);
        XlAdmission.Build(Read(Lab), inflated, Domain(), (260L << 20) - 1, out IReadOnlyList<AdmissionRefusal> refusals, out _);
        Assert.Empty(fits);
        Assert.Equal("b_info.target_memkb", Assert.Single(refusals).Setting);
    }
}

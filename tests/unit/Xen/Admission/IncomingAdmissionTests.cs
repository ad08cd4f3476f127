using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>Admission to a Xen host: a domain comes in as the policy allows, or is refused with an error that says what is
/// missing.</summary>
public sealed class IncomingAdmissionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("door-").FullName;

    private string Policy => Path.Combine(_folder, "policy.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_domain_that_this_host_sends_to_itself_comes_to_where_it_is_whatever_the_policy()
    {
        string json = XlAdmissionTests.Domain();
        Assert.Equal(json, IncomingAdmission.Admit(null, Announced(json), 0, out _).Json);
        Assert.Empty(IncomingAdmission.Judge(null, Announced(json), 0).Refusals);
    }

    [Fact]
    public void Without_a_policy_nothing_comes_in_and_the_error_says_what_it_needs()
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => IncomingAdmission.Admit(Policy, Announced(XlAdmissionTests.Domain()), long.MaxValue, out _));
        Assert.Equal(MigrationErrorId.RefusedByPolicy, error.ErrorId);
        Assert.Equal("vm", error.Target);
        Assert.Contains("b_info.kernel: \"/lab/vmlinux\" is not let in", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{Policy} on the destination needs: ", error.Remedy, StringComparison.Ordinal);
        Assert.Contains("\"kinds\": [\"pvh\"]", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_no_policy_lets_in_is_said_to_be_so()
    {
        File.WriteAllText(Policy, """{ "kinds": ["pvh"], "kernels": ["/lab/*"], "ramdisks": ["/lab/*"] }""");
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "pcidevs", """[{ "bus": 3 }]""");
        MigrationException error = Assert.Throws<MigrationException>(() => IncomingAdmission.Admit(Policy, Announced(json), long.MaxValue, out _));
        Assert.Contains("No policy lets pcidevs in", error.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("needs", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_comes_in_has_the_configuration_that_was_built()
    {
        File.WriteAllText(Policy, """{ "kinds": ["pvh"], "kernels": ["/lab/*"], "ramdisks": ["/lab/*"] }""");
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "c_info.domid", "7");
        XenDomainConfiguration admitted = IncomingAdmission.Admit(Policy, Announced(json), long.MaxValue, out _);
        Assert.DoesNotContain("domid", admitted.Json, StringComparison.Ordinal);
        Assert.Contains("/lab/vmlinux", admitted.Json, StringComparison.Ordinal);
        Assert.Equal((4u, 17u), (admitted.XenMajor, admitted.XenMinor));
        Assert.Empty(IncomingAdmission.Judge(Policy, Announced(json), long.MaxValue).Refusals);
    }

    [Fact]
    public void A_name_that_a_terminal_would_obey_is_not_in_the_error()
    {
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "c_info.name", "\"a\\u001b[2J\"");
        MigrationException error = Assert.Throws<MigrationException>(
            () => IncomingAdmission.Admit(Policy, Announced(json) with { Name = "a\u001b[2J" }, long.MaxValue, out _));
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.DoesNotContain(error.Target!, char.IsControl);
    }

    [Fact]
    public void A_simulated_domain_is_for_another_host()
    {
        DomainDescription simulated = new("vm", DomainKind.Simulated, 0, [], 1, ReadOnlyMemory<byte>.Empty);
        Assert.Equal(
            MigrationErrorId.NotSupported,
            Assert.Throws<MigrationException>(() => IncomingAdmission.Judge(Policy, simulated, long.MaxValue)).ErrorId);
    }

    [Fact]
    public void Every_refusal_has_an_error_of_its_own_for_who_shows_them()
    {
        AdmissionVerdict verdict = IncomingAdmission.Judge(Policy, Announced(XlAdmissionTests.Domain()), long.MaxValue);
        Assert.Equal(3, verdict.Refusals.Count);
        Assert.Equal(3, verdict.Errors("vm").Select(error => error.Message).Distinct().Count());
        Assert.All(verdict.Errors("vm"), error => Assert.Equal(MigrationErrorId.RefusedByPolicy, error.ErrorId));
    }

    private static DomainDescription Announced(string json) => XlAdmissionTests.Announced("vm", DomainKind.Pvh) with
    {
        Configuration = new XenDomainConfiguration(json, 4, 17, default, default, [], []).Serialise(),
    };
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>Admission to a Xen host: a domain comes in as the policy allows, or is refused with an error that says what is
/// missing.</summary>
public sealed class IncomingAdmissionTests : IDisposable
{
    /// <summary>A host with the Xen and the processors that the domains come from.</summary>
    private static readonly HostPlatform s_platform = new(new XenVersion(4, 17), _ => new XenCpuPolicy([], []));

    private readonly string _folder = Directory.CreateTempSubdirectory("door-").FullName;

    private readonly FakeHostDevices _host = new();
    private readonly DeviceLook _devices;

    public IncomingAdmissionTests() => _devices = new DeviceLook(_host, TimeProvider.System);

    private string Policy => Path.Combine(_folder, "policy.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_domain_that_this_host_sends_to_itself_comes_to_where_it_is_whatever_the_policy()
    {
        string json = XlAdmissionTests.Domain();
        Assert.Equal(json, IncomingAdmission.Admit(null, Announced(json), 0, s_platform, out _).Json);
        Assert.Empty(IncomingAdmission.Judge(null, Announced(json), 0, s_platform, _devices).Refusals);
    }

    [Fact]
    public void Without_a_policy_nothing_comes_in_and_the_error_says_what_it_needs()
    {
        MigrationException error = Assert.Throws<MigrationException>(
            () => IncomingAdmission.Admit(Policy, Announced(XlAdmissionTests.Domain()), long.MaxValue, s_platform, out _));
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
        MigrationException error = Assert.Throws<MigrationException>(() => IncomingAdmission.Admit(Policy, Announced(json), long.MaxValue, s_platform, out _));
        Assert.Contains("No policy lets pcidevs in", error.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("needs", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_comes_in_has_the_configuration_that_was_built()
    {
        File.WriteAllText(Policy, """{ "kinds": ["pvh"], "kernels": ["/lab/*"], "ramdisks": ["/lab/*"] }""");
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "c_info.domid", "7");
        XenDomainConfiguration admitted = IncomingAdmission.Admit(Policy, Announced(json), long.MaxValue, s_platform, out _);
        Assert.DoesNotContain("domid", admitted.Json, StringComparison.Ordinal);
        Assert.Contains("/lab/vmlinux", admitted.Json, StringComparison.Ordinal);
        Assert.Equal((4u, 17u), (admitted.XenMajor, admitted.XenMinor));
        Assert.Empty(IncomingAdmission.Judge(Policy, Announced(json), long.MaxValue, s_platform, _devices).Refusals);
    }

    [Fact]
    public void A_name_that_a_terminal_would_obey_is_not_in_the_error()
    {
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "c_info.name", "\"a\\u001b[2J\"");
        MigrationException error = Assert.Throws<MigrationException>(
            () => IncomingAdmission.Admit(Policy, Announced(json) with { Name = "a\u001b[2J" }, long.MaxValue, s_platform, out _));
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.DoesNotContain(error.Target!, char.IsControl);
    }

    [Fact]
    public void A_simulated_domain_is_for_another_host()
    {
        DomainDescription simulated = new("vm", DomainKind.Simulated, 0, [], 1, ReadOnlyMemory<byte>.Empty);
        Assert.Equal(
            MigrationErrorId.NotSupported,
            Assert.Throws<MigrationException>(() => IncomingAdmission.Judge(Policy, simulated, long.MaxValue, s_platform, _devices)).ErrorId);
    }

    [Fact]
    public void Every_refusal_has_an_error_of_its_own_for_who_shows_them()
    {
        AdmissionVerdict verdict = IncomingAdmission.Judge(Policy, Announced(XlAdmissionTests.Domain()), long.MaxValue, s_platform, _devices);
        Assert.Equal(3, verdict.Refusals.Count);
        Assert.Equal(3, verdict.Errors("vm").Select(error => error.Message).Distinct().Count());
        Assert.All(verdict.Errors("vm"), error => Assert.Equal(MigrationErrorId.RefusedByPolicy, error.ErrorId));
    }

    [Fact]
    public void A_device_that_is_missing_is_an_error_of_its_own_with_what_to_do()
    {
        File.WriteAllText(Policy, LetsIn);
        AdmissionVerdict verdict = IncomingAdmission.Judge(Policy, Announced(WithDevices()), long.MaxValue, s_platform, _devices);
        MigrationException[] errors = [.. verdict.Errors("vm")];
        Assert.Equal(2, errors.Length);
        Assert.All(errors, error => Assert.Equal(MigrationErrorId.DeviceMissing, error.ErrorId));
        Assert.Equal("The destination has not what vm needs: disk xvda: \"/dev/vg0/web\" is not there.", errors[0].Message);
        Assert.Equal("The destination has not what vm needs: network card 0: there is no bridge \"xenbr7\".", errors[1].Message);
        Assert.StartsWith("Make the bridge there", errors[1].Remedy, StringComparison.Ordinal);

        MigrationException all = Assert.Throws<MigrationException>(() => verdict.Require("vm"));
        Assert.Equal(MigrationErrorId.DeviceMissing, all.ErrorId);
        Assert.Contains("; network card 0: ", all.Message, StringComparison.Ordinal);

        // And where the domain comes without having been asked about.
        XenDomainConfiguration admitted = IncomingAdmission.Admit(Policy, Announced(WithDevices()), long.MaxValue, s_platform, out _);
        MigrationException refused = Assert.Throws<MigrationException>(
            () => IncomingAdmission.RequireDevices("vm", admitted, _devices, TestContext.Current.CancellationToken));
        Assert.Equal(all.Message, refused.Message);
        _host.Bridges.Add("xenbr7");
        _host.Files["/dev/vg0/web"] = FakeHostDevices.Block(4096);
        IncomingAdmission.RequireDevices("vm", admitted, _devices, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void What_the_policy_refuses_is_not_looked_for_and_what_it_lets_in_is()
    {
        File.WriteAllText(Policy, LetsIn.Replace("/dev/vg0/*", "/dev/vg1/*", StringComparison.Ordinal));
        AdmissionVerdict verdict = IncomingAdmission.Judge(Policy, Announced(WithDevices()), long.MaxValue, s_platform, _devices);
        Assert.DoesNotContain("/dev/vg0/web", _host.Looked);
        Assert.Equal(
            [MigrationErrorId.RefusedByPolicy, MigrationErrorId.DeviceMissing], verdict.Errors("vm").Select(error => error.ErrorId));
        MigrationException all = Assert.Throws<MigrationException>(() => verdict.Require("vm"));
        Assert.Equal(MigrationErrorId.RefusedByPolicy, all.ErrorId);
        Assert.Contains("needs: \"disks\"", all.Remedy, StringComparison.Ordinal);
        Assert.Contains("Make the bridge there", all.Remedy, StringComparison.Ordinal);
    }

    /// <summary>Only so many refusals are told; of those beyond nobody knows which device they are of.</summary>
    [Fact]
    public void Whoever_hides_a_device_behind_many_refusals_hears_nothing_of_it()
    {
        File.WriteAllText(Policy, LetsIn.Replace("/dev/vg0/*", "/dev/vg1/*", StringComparison.Ordinal));
        string json = WithDevices();
        for (int i = 0; i < AdmissionVerdict.MostRefusals; i++)
        {
            json = XlAdmissionTests.With(json, $"b_info.unknown{i}", "1");
        }

        AdmissionVerdict verdict = IncomingAdmission.Judge(Policy, Announced(json), long.MaxValue, s_platform, _devices);
        Assert.Equal(AdmissionVerdict.MostRefusals, verdict.Refusals.Count);
        Assert.Empty(_host.Looked);
    }

    [Fact]
    public void The_devices_of_a_domain_that_this_host_sends_to_itself_are_looked_at_too()
    {
        string json = XlAdmissionTests.With(XlAdmissionTests.Domain(), "nics", """[{ "bridge": "xenbr7" }]""");
        AdmissionVerdict verdict = IncomingAdmission.Judge(null, Announced(json), 0, s_platform, _devices);
        Assert.Equal(MigrationErrorId.DeviceMissing, Assert.Single(verdict.Errors("vm")).ErrorId);
    }

    private const string LetsIn = """
        { "kinds": ["pvh"], "kernels": ["/lab/*"], "ramdisks": ["/lab/*"], "disks": [{ "paths": ["/dev/vg0/*"] }], "networks": [{ "bridges": ["xenbr7"] }] }
        """;

    private static string WithDevices() => XlAdmissionTests.With(
        XlAdmissionTests.With(
            XlAdmissionTests.Domain(), "disks", """[{ "vdev": "xvda", "pdev_path": "/dev/vg0/web", "backend": "phy", "format": "raw", "readwrite": 1 }]"""),
        "nics", """[{ "devid": 0, "bridge": "xenbr7" }]""");

    private static DomainDescription Announced(string json) => XlAdmissionTests.Announced("vm", DomainKind.Pvh) with
    {
        Configuration = new XenDomainConfiguration(json, 4, 17, default, default, [], []).Serialise(),
    };
}

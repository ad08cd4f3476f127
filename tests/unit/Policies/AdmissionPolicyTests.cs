using System.Runtime.Versioning;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Policies;

/// <summary>A policy says what it says, or is refused: a mistyped key must not open or close anything unnoticed.</summary>
public sealed class AdmissionPolicyTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("policy-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Where_there_is_none_nothing_is_let_in()
    {
        AdmissionPolicy policy = AdmissionPolicy.Load(Path.Combine(_root, "none.json"));
        Assert.False(policy.IsPresent);
        Assert.Empty(policy.Kinds);
        Assert.Empty(policy.Disks);
        Assert.Null(policy.MaximumMemory);
    }

    [Fact]
    public void All_that_can_be_said_is_read()
    {
        AdmissionPolicy policy = Read("""
            {
                // A comment.
                "kinds": ["pv", "pvh", "hvm"],
                "maximumMemory": "16GiB",
                "maximumVcpus": 8,
                "disks": [
                    { "paths": ["/dev/vg0/*"] },
                    { "paths": ["/srv/vm/*"], "backends": ["qdisk"], "formats": ["raw", "qcow2"], "scripts": ["block-drbd"], "access": "read" },
                ],
                "networks": [{ "bridges": ["xenbr*"], "scripts": ["/opt/vif"], "interfaces": ["web*"], "gateways": ["eth0"] }],
                "shares": ["/srv/share"],
                "kernels": ["/boot/guest-*"],
                "ramdisks": ["/boot/initrd-*"],
                "firmware": ["/usr/lib/firmware.bin"],
                "bootloaders": ["pygrub"],
                "bootloaderArguments": ["--quiet"],
                "deviceModels": ["/opt/qemu"],
                "deviceModelArguments": ["-nodefaults"],
                "displays": ["127.0.0.1"],
                "pools": ["second"],
                "labels": ["system_u:system_r:domU_t"],
                "features": ["nested_hvm"],
            }
            """);
        Assert.True(policy.IsPresent);
        Assert.Equal((16L << 30, 8), (policy.MaximumMemory, policy.MaximumVcpus));
        Assert.Equal(["phy", "qdisk"], policy.Disks[0].Backends);
        Assert.Equal(["raw"], policy.Disks[0].Formats);
        Assert.True(policy.Disks[0].MayWrite);
        Assert.Equal("/etc/xen/scripts/block-drbd", Assert.Single(policy.Disks[1].Scripts).Text);
        Assert.False(policy.Disks[1].MayWrite);
        Assert.Equal("/opt/vif", Assert.Single(policy.Networks[0].Scripts).Text);
        Assert.True(policy.Networks[0].Bridges[0].Matches("xenbr1"));
        Assert.Equal(["pygrub"], policy.Bootloaders);
        Assert.Equal(["nested_hvm"], policy.Features);
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "it is no object")]
    [InlineData("""{ "kind": ["pvh"] }""", "the key kind")]
    [InlineData("""{ "Kinds": ["pvh"] }""", "the key Kinds")]
    [InlineData("""{ "kinds": ["pvh"], "kinds": ["hvm"] }""", "kinds stands twice")]
    [InlineData("""{ "kinds": "pvh" }""", "kinds is no list")]
    [InlineData("""{ "kinds": ["lxc"] }""", "none of pv, pvh, hvm")]
    [InlineData("""{ "kernels": [""] }""", "kernels[0]")]
    [InlineData("""{ "kernels": ["vmlinuz"] }""", "begins with '/'")]
    [InlineData("""{ "kernels": ["/boot/../etc/*"] }""", "begins with '/'")]
    [InlineData("""{ "disks": [{}] }""", "names no paths")]
    [InlineData("""{ "disks": [{ "path": ["/dev/sda"] }] }""", "disks[0].path")]
    [InlineData("""{ "disks": [{ "paths": ["/dev/sda"], "access": "rw" }] }""", "none of read, write")]
    [InlineData("""{ "disks": [{ "paths": ["/dev/sda"], "formats": ["iso"] }] }""", "disks[0].formats[0]")]
    [InlineData("""{ "networks": [{ "scripts": ["vif-bridge"] }] }""", "names no bridges")]
    [InlineData("""{ "maximumMemory": "16G" }""", "maximumMemory")]
    [InlineData("""{ "maximumMemory": -1 }""", "maximumMemory")]
    [InlineData("""{ "maximumMemory": "9223372036854775807TiB" }""", "maximumMemory")]
    [InlineData("""{ "maximumVcpus": 1.5 }""", "maximumVcpus")]
    [InlineData("""{ "displays": ["0"] }""", "no IP address")]
    [InlineData("""{ "features": ["everything"] }""", "features[0]")]
    [InlineData("""{ "kinds": ["\ud800"] }""", "no JSON")]
    [InlineData("""{ "\ud800": 1 }""", "no JSON")]
    public void What_is_wrong_is_named(string text, string problem)
    {
        MigrationException error = Assert.Throws<MigrationException>(() => Read(text));
        Assert.Equal(MigrationErrorId.InvalidFile, error.ErrorId);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("policy.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_documented_example_is_a_policy_and_every_key_is_documented()
    {
        string document = Resource("policy.md");
        string example = document.Split("```")[1];
        Assert.StartsWith("json", example, StringComparison.Ordinal);
        AdmissionPolicy policy = Read(example["json".Length..]);
        Assert.Equal(64L << 30, policy.MaximumMemory);
        Assert.True(policy.Disks[0].Paths[0].Matches("/dev/vg0/guest-web"));

        MigrationException error = Assert.Throws<MigrationException>(() => Read("""{ "x": 1 }"""));
        string known = error.Message[(error.Message.IndexOf("none of ", StringComparison.Ordinal) + "none of ".Length)..].TrimEnd('.');
        Assert.All(
            known.Split(", ").Concat(AdmissionPolicyReader.Features),
            key => Assert.Contains($"`{key}`", document, StringComparison.Ordinal));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void One_that_others_may_write_is_refused()
    {
        string file = Path.Combine(_root, "policy.json");
        File.WriteAllText(file, """{ "kinds": ["pvh"] }""");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.OtherWrite);
        Assert.Equal(MigrationErrorId.FileNotTrusted, Assert.Throws<MigrationException>(() => AdmissionPolicy.Load(file)).ErrorId);
    }

    private static string Resource(string name)
    {
        using StreamReader reader = new(typeof(AdmissionPolicyTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private static AdmissionPolicy Read(string text) => AdmissionPolicyReader.Read("/etc/prerecord/policy.json", Encoding.UTF8.GetBytes(text));
}

using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Native;

/// <summary>Which Xen a machine runs, and which library is loaded for it.</summary>
public sealed class XenVersionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hypervisor-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_the_kernel_says_is_read()
    {
        Write("xen", "4", "20");
        Assert.Equal(new XenVersion(4, 20), XenVersion.Read(_folder));
    }

    [Theory]
    [InlineData("kvm", "4", "20")]
    [InlineData("xen", "4", "-1")]
    [InlineData("xen", "", "20")]
    [InlineData("xen", "4", null)]
    public void What_says_nothing_of_Xen_is_no_version(string type, string major, string? minor)
    {
        Write(type, major, minor);
        Assert.Null(XenVersion.Read(_folder));
    }

    [Fact]
    public void A_machine_without_a_hypervisor_has_no_version() => Assert.Null(XenVersion.Read(Path.Combine(_folder, "none")));

    [Fact]
    public void Versions_are_compared_by_number()
    {
        Assert.True(new XenVersion(4, 20) > new XenVersion(4, 17));
        Assert.True(new XenVersion(4, 9) < new XenVersion(4, 17));
        Assert.True(new XenVersion(5, 0) >= new XenVersion(4, 20));
        Assert.True(new XenVersion(4, 17) <= new XenVersion(4, 17));
    }

    [Fact]
    public void The_versions_that_are_known_are_those_that_libraries_are_built_for()
    {
        MatchCollection built = Regex.Matches(File.ReadAllText(Path.Combine(Root(), "tools", "debian-release.sh")), @"(?m)^ *[a-z]+\) echo (\d+\.\d+) ;;$");
        Assert.Equal(built.Select(match => match.Groups[1].Value), XenVersion.Known.Select(known => known.Version.ToString()));
    }

    [Fact]
    public void The_library_is_that_of_the_hosts_Xen()
    {
        string[] candidates = [.. XenLibrary.Candidates(null, new XenVersion(4, 17))];
        Assert.EndsWith("/runtimes/linux-x64/native/4.17/libprerecordxen.so", candidates[0], StringComparison.Ordinal);
        Assert.DoesNotContain(candidates, path => path.Contains("4.20", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_the_hosts_Xen_is_not_known_the_newest_library_that_can_be_loaded_is_taken()
    {
        string[] candidates = [.. XenLibrary.Candidates(null, null)];
        Assert.Equal(
            ["4.20", "4.17"], candidates.Where(path => path.Contains("/runtimes/", StringComparison.Ordinal)).Select(path => path.Split('/')[^2]));
    }

    [Fact]
    public void A_Xen_that_the_module_has_no_library_for_is_named_with_those_that_it_has()
    {
        XenLibraryException error = Assert.Throws<XenLibraryException>(() => XenLibrary.Load(XenLibrary.Candidates(null, new XenVersion(4, 19))));
        Assert.Contains("runs Xen 4.19", error.Message, StringComparison.Ordinal);
        Assert.Contains("4.17 or 4.20", error.Message, StringComparison.Ordinal);
    }

    private void Write(string type, string major, string? minor)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "version"));
        File.WriteAllText(Path.Combine(_folder, "type"), type + "\n");
        File.WriteAllText(Path.Combine(_folder, "version", "major"), major + "\n");
        if (minor is not null)
        {
            File.WriteAllText(Path.Combine(_folder, "version", "minor"), minor + "\n");
        }
    }

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", ".."));
}

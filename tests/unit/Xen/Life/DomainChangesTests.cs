using System.Globalization;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Life;

public class DomainChangesTests
{
    private const string Json = """
        { "c_info": { "type": "pvh", "name": "vm", "uuid": "6b1c1f4e-0000-4000-8000-000000000001" },
          "b_info": { "max_vcpus": 2, "avail_vcpus": [0, 1], "max_memkb": 131072, "target_memkb": 131072, "extra": ["quiet"] },
          "disks": [ { "vdev": "xvda", "pdev_path": "/dev/one" } ],
          "nics": [ { "devid": 0, "mac": "00:16:3e:00:00:01" } ] }
        """;

    private readonly FakeXen _xen = new();
    private readonly FakeDomain _domain;
    private readonly XenSourceDomain _open;
    private readonly DomainDescription _announced;

    public DomainChangesTests()
    {
        _domain = _xen.Add("vm");
        _domain.Json = Json;
        _open = new FakeSource(_xen, _domain).Open();
        _announced = _open.Describe();
        _open.Suspend(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_domain_that_is_as_it_was_announced_may_go() => _open.RequireUnchanged(_announced);

    [Fact]
    public void Where_xenstore_is_as_it_was_the_toolstack_is_not_asked_in_the_downtime()
    {
        List<string> calls = [];
        _xen.AfterCall = calls.Add;

        _open.RequireUnchanged(_announced);

        Assert.DoesNotContain(nameof(IDomainControl.GetConfigurationJson), calls);
    }

    [Theory]
    [InlineData("/local/domain/{0}/name")]
    [InlineData("/local/domain/{0}/cpu/1/availability")]
    [InlineData("/local/domain/{0}/memory/target")]
    [InlineData("/local/domain/{0}/memory/static-max")]
    [InlineData("/libxl/{0}/device/vif/0/backend")]
    [InlineData("/libxl/{0}/device/vbd/51728/params")]
    public void Whatever_of_it_changed_in_xenstore_is_looked_at(string path)
    {
        _xen.Write(string.Format(CultureInfo.InvariantCulture, path, _domain.DomId), "changed");
        List<string> calls = [];
        _xen.AfterCall = calls.Add;

        _open.RequireUnchanged(_announced);

        Assert.Contains(nameof(IDomainControl.GetConfigurationJson), calls);
    }

    [Fact]
    public void Written_in_another_way_the_same_configuration_is_the_same()
    {
        Change(Json.Replace(" ", "", StringComparison.Ordinal));

        _open.RequireUnchanged(_announced);
    }

    [Theory]
    [InlineData("\"target_memkb\": 131072", "\"target_memkb\": 98304", "xl mem-set", "was 131072 and is 98304")]
    [InlineData("\"max_memkb\": 131072", "\"max_memkb\": 262144", "xl mem-max", "is 262144")]
    [InlineData("[0, 1]", "[\n    0\n]", "xl vcpu-set", "was [0, 1] and is [0]")]
    [InlineData("\"disks\": [", "\"disks\": [ { \"vdev\": \"xvdb\", \"pdev_path\": \"/dev/two\" },", "disk xvdb was attached", "runs on")]
    [InlineData("{ \"devid\": 0, \"mac\": \"00:16:3e:00:00:01\" }", "", "network card 0 was detached", "runs on")]
    [InlineData("\"nics\"", "\"pcidevs\": [ { \"name\": \"card\" } ], \"nics\"", "passed-through device card was attached", "runs on")]
    [InlineData("\"name\": \"vm\"", "\"name\": \"other\"", "xl rename", "was vm and is other")]
    [InlineData("\"quiet\"", "\"loud\"", "b_info.extra", "runs on")]
    public void What_changed_since_is_refused_by_name(string before, string after, string first, string second)
    {
        Change(Json.Replace(before, after, StringComparison.Ordinal));
        Assert.NotEqual(Json, _domain.Json);

        MigrationException error = Assert.Throws<MigrationException>(() => _open.RequireUnchanged(_announced));

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains(first, error.Message, StringComparison.Ordinal);
        Assert.Contains(second, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_changes_some_are_named_and_the_others_counted()
    {
        StringBuilder disks = new();
        for (int i = 0; i < 9; i++)
        {
            disks.Append($"{{ \"vdev\": \"xvd{(char)('b' + i)}\" }},");
        }

        Change(Json.Replace("\"disks\": [", $"\"disks\": [{disks}", StringComparison.Ordinal));

        Assert.Contains("and 4 more", Assert.Throws<MigrationException>(() => _open.RequireUnchanged(_announced)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u, "has shut down")]
    [InlineData(1u, "is rebooting")]
    [InlineData(3u, "has crashed")]
    public void A_guest_that_shut_down_or_crashed_is_said_plainly(uint reason, string words)
    {
        _xen.Shutdown(_domain, reason);

        MigrationException error = Assert.Throws<MigrationException>(() => _open.RequireUnchanged(_announced));

        Assert.Equal(MigrationErrorId.DomainState, error.ErrorId);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Throws<MigrationException>(() => _open.CaptureCoreState(new PageBitmap(1))).Message);
    }

    [Fact]
    public void A_domain_that_rebooted_is_another()
    {
        _xen.Remove(_domain);
        FakeDomain reborn = _xen.Add("vm", _domain.Uuid);

        MigrationException error = Assert.Throws<MigrationException>(() => _open.RequireUnchanged(_announced));

        Assert.Equal(MigrationErrorId.DomainChanged, error.ErrorId);
        Assert.Contains("rebooted", error.Message, StringComparison.Ordinal);
        Assert.True(reborn.Runs);
    }

    [Fact]
    public void A_domain_that_somebody_let_run_is_not_handed_over()
    {
        _open.Resume();

        Assert.Equal(
            MigrationErrorId.DomainChanged, Assert.Throws<MigrationException>(() => _open.RequireUnchanged(_announced)).ErrorId);
        Assert.Equal(
            MigrationErrorId.DomainChanged,
            Assert.Throws<MigrationException>(() => _open.StartRecording(new PreRecordMigration.Backup.PageBackup(64, 64))).ErrorId);
    }

    [Fact]
    public void Paused_as_at_the_end_of_a_window_it_may_go_and_the_check_leaves_it_as_it_is()
    {
        _open.Resume();
        _open.Pause();

        _open.RequireUnchanged(_announced);

        Assert.Equal(1, _domain.Pauses);
        Assert.Null(_domain.ShutdownReason);
    }

    [Fact]
    public void A_suspended_domain_wakes_where_it_is_told_to()
    {
        Assert.Equal(XenDomainInfo.ReasonSuspend, _domain.ShutdownReason);

        _open.Resume();

        Assert.True(_domain.Runs);
    }

    private void Change(string json)
    {
        _domain.Json = json;
        _xen.Write($"/libxl/{_domain.DomId}/device/changed", "yes");
    }
}

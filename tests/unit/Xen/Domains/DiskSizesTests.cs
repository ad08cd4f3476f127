using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Domains;

/// <summary>The sizes of a domain's disks, as their backends have written them.</summary>
public sealed class DiskSizesTests
{
    private const string Json = """{ "disks": [{ "vdev": "xvdb" }, { "vdev": "xvda" }, {}, 7, { "vdev": 3 }] }""";
    private readonly FakeXen _xen = new();

    public DiskSizesTests() => _xen.Add("vm");

    [Fact]
    public void Each_disk_has_the_size_that_its_backend_says_by_the_name_it_has()
    {
        Add(51712, "vbd", "xvda", "2048", "4096");
        Add(51728, "qdisk", "xvdb", "2048", "4096");
        Assert.Equal([2048L * 4096, 2048L * 512, 0, 0, 0], Sizes());
    }

    [Theory]
    [InlineData(null, "512")]
    [InlineData("", "512")]
    [InlineData("-1", "512")]
    [InlineData("9223372036854775807", "512")]
    [InlineData("2048", "0")]
    [InlineData("2048", "99999999")]
    public void What_a_backend_does_not_say_or_says_without_sense_is_not_known(string? sectors, string unit)
    {
        Add(51712, "qdisk", "xvda", sectors, unit);
        Assert.Equal(0, Sizes()[1]);
    }

    [Fact]
    public void The_word_of_another_domain_does_not_count()
    {
        Add(51712, "vbd", "xvda", "2048", "512", "/local/domain/7");
        Assert.Equal(0, Sizes()[1]);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "disks": [] }""")]
    [InlineData("""{ "disks": 3 }""")]
    public void A_domain_without_disks_has_none(string json)
    {
        using IDomainControl control = _xen.Connect();
        Assert.Empty(DiskSizes.Of(control, 1, json));
    }

    private IReadOnlyList<long> Sizes()
    {
        using IDomainControl control = _xen.Connect();
        return DiskSizes.Of(control, 1, Json);
    }

    private void Add(int number, string kind, string device, string? sectors, string unit, string home = "/local/domain/0")
    {
        string backend = $"{home}/backend/{kind}/1/{number}";
        _xen.Write($"/libxl/1/device/vbd/{number}/backend", backend);
        _xen.Write($"{backend}/dev", device);
        _xen.Write($"{backend}/sector-size", unit);
        if (sectors is not null)
        {
            _xen.Write($"{backend}/sectors", sectors);
        }
    }
}

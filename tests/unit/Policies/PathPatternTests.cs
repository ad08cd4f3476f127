using PreRecordMigration.Policies;

namespace PreRecordMigration.Tests.Policies;

/// <summary>A path is what it leads to, whatever it is called.</summary>
public sealed class PathPatternTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patterns-").FullName;

    public PathPatternTests()
    {
        Directory.CreateDirectory(At("vm/deep"));
        Directory.CreateDirectory(At("secret"));
        File.WriteAllText(At("vm/web.img"), "");
        File.WriteAllText(At("secret/key"), "");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("vm/web.img", "vm/web.img", true)]
    [InlineData("vm/web.img", "vm/web.imgx", false)]
    [InlineData("vm/*.img", "vm/web.img", true)]
    [InlineData("vm/*.img", "vm/.img", true)]
    [InlineData("vm/*.img", "vm/deep/web.img", false)]
    [InlineData("vm/**", "vm/deep/web.img", true)]
    [InlineData("vm/**", "vm", false)]
    [InlineData("vm/we?.img", "vm/web.img", true)]
    [InlineData("vm/we?.img", "vm/we/.img", false)]
    [InlineData("vm/*", "vm/not-there-yet", true)]
    [InlineData("vm/*", "vm/WEB.IMG", true)]
    [InlineData("vm/WEB.img", "vm/web.img", false)]
    [InlineData("vm/[a-z]*", "vm/web.img", false)]
    [InlineData("vm/w.b.img", "vm/web.img", false)]
    public void Wildcards_stay_within_a_part_and_two_stars_do_not(string pattern, string path, bool isMeant) =>
        Assert.Equal(isMeant, new PathPattern(At(pattern)).Matches(At(path)));

    [Theory]
    [InlineData("vm/../secret/key")]
    [InlineData("vm/./web.img")]
    [InlineData("vm//web.img")]
    [InlineData("vm/web.img/")]
    [InlineData("vm/web.img\n")]
    [InlineData("vm/web\0.img")]
    public void A_path_that_is_not_written_plainly_is_none(string path)
    {
        Assert.False(new PathPattern(At("**")).Matches(At(path)));
        Assert.Throws<ArgumentException>(() => new PathPattern(At(path)));
    }

    [Theory]
    [InlineData("vm/web.img")]
    [InlineData("")]
    [InlineData("/")]
    public void A_pattern_is_absolute(string text) => Assert.ThrowsAny<ArgumentException>(() => new PathPattern(text));

    [Fact]
    public void A_link_that_leads_out_is_not_meant()
    {
        File.CreateSymbolicLink(At("vm/link"), At("secret/key"));
        File.CreateSymbolicLink(At("vm/up"), "../secret");
        PathPattern pattern = new(At("vm/**"));
        Assert.False(pattern.Matches(At("vm/link")));
        Assert.False(pattern.Matches(At("vm/up/key")));
        Assert.False(pattern.Matches(At("vm/up/new")));
        Assert.True(new PathPattern(At("secret/*")).Matches(At("vm/link")));
    }

    [Fact]
    public void A_link_that_leads_to_what_is_meant_is_meant()
    {
        Directory.CreateSymbolicLink(At("other"), At("vm"));
        Assert.True(new PathPattern(At("vm/*")).Matches(At("other/web.img")));
        Assert.True(new PathPattern(At("other/*")).Matches(At("vm/web.img")));
        Assert.True(new PathPattern(At("other/*")).Matches(At("other/web.img")));
    }

    [Fact]
    public void Links_in_a_circle_are_not_meant()
    {
        File.CreateSymbolicLink(At("vm/one"), "two");
        File.CreateSymbolicLink(At("vm/two"), "one");
        Assert.False(new PathPattern(At("vm/*")).Matches(At("vm/one")));
    }

    [Fact]
    public void A_file_s_link_to_a_device_is_the_device()
    {
        File.CreateSymbolicLink(At("vm/disk"), "/dev/null");
        Assert.False(new PathPattern(At("vm/*")).Matches(At("vm/disk")));
        Assert.True(new PathPattern("/dev/null").Matches(At("vm/disk")));
    }

    [Fact]
    public void A_script_is_found_where_the_toolstack_finds_it()
    {
        Assert.Equal("/etc/xen/scripts/vif-bridge", PathPattern.OfScript("vif-bridge").Text);
        Assert.Equal("/opt/script", PathPattern.OfScript("/opt/script").Text);
        Assert.Throws<ArgumentException>(() => PathPattern.OfScript("../../tmp/script"));
    }

    private string At(string name) => $"{_root}/{name}";
}

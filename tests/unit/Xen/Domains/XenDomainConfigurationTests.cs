using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Hvm;

namespace PreRecordMigration.Tests.Xen.Domains;

public class XenDomainConfigurationTests
{
    private const int PageCount = 0xff000;
    private const string Json = """{ "c_info": { "type": "pvh", "name": "gäst" }, "b_info": {} }""";

    private static XenDomainConfiguration Sample(string json = Json) => new(
        json, 4, 17, new byte[48], new byte[32],
        [new(XenHvmParameters.StorePfn, 0xfeffc), new(XenHvmParameters.PagingRingPfn, 0xfeffe)],
        [0xfeff8, 0xfeffc, 0xfeffe])
    {
        DiskBytes = [8L << 30, 0],
    };

    [Fact]
    public void What_was_serialised_is_read_back()
    {
        XenDomainConfiguration read = XenDomainConfiguration.Parse(Sample().Serialise(), PageCount);

        Assert.Equal(Json, read.Json);
        Assert.Equal((4u, 17u), (read.XenMajor, read.XenMinor));
        Assert.Equal((48, 32), (read.CpuidPolicy.Length, read.MsrPolicy.Length));
        Assert.Equal(Sample().Parameters, read.Parameters);
        Assert.Equal(Sample().ReservedPages, read.ReservedPages);
        Assert.Equal(Sample().DiskBytes, read.DiskBytes);
        Assert.Equal(0xfeffcul, read.GetParameter(XenHvmParameters.StorePfn));
        Assert.Equal(0ul, read.GetParameter(XenHvmParameters.ConsolePfn));
    }

    [Fact]
    public void A_PV_domain_names_every_page_of_its_p2m_and_another_none()
    {
        const string pv = """{ "c_info": { "type": "pv", "name": "vm" } }""";
        XenDomainConfiguration sample = new(pv, 4, 17, default, default, [], []) { P2mPages = [700, 20] };
        Assert.Equal([700, 20], XenDomainConfiguration.Parse(sample.Serialise(), 1024).P2mPages);

        // A domain that is only asked about is announced without.
        Assert.Empty(XenDomainConfiguration.Parse((sample with { P2mPages = [] }).Serialise(), 1024).P2mPages);
        foreach (XenDomainConfiguration wrong in new[]
        {
            sample with { P2mPages = [700] },
            sample with { P2mPages = [700, 20, 21] },
            sample with { P2mPages = [700, 1024] },
            sample with { Json = Json },
        })
        {
            Assert.Equal(
                MigrationErrorId.ProtocolViolation,
                Assert.Throws<MigrationException>(() => XenDomainConfiguration.Parse(wrong.Serialise(), 1024)).ErrorId);
        }
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] whole = Sample().Serialise();
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Equal(MigrationErrorId.ProtocolViolation, Refusal(whole[..length]).ErrorId);
        }
    }

    [Fact]
    public void Whatever_byte_is_changed_it_is_read_or_refused_and_nothing_else()
    {
        byte[] whole = Sample().Serialise();
        for (int i = 0; i < whole.Length; i++)
        {
            foreach (byte flip in new byte[] { 0x01, 0x80, 0xff })
            {
                byte[] changed = [.. whole];
                changed[i] ^= flip;
                Exception? thrown = Record.Exception(() => XenDomainConfiguration.Parse(changed, PageCount));
                Assert.True(thrown is null or MigrationException, $"Byte {i}: {thrown}");
            }
        }
    }

    [Fact]
    public void Bytes_behind_the_end_are_refused() =>
        Assert.Contains("follow its end", Refusal([.. Sample().Serialise(), 0]).Message, StringComparison.Ordinal);

    [Fact]
    public void Another_version_is_told_from_garbage()
    {
        byte[] changed = Sample().Serialise();
        changed[4] = 9;
        Assert.Equal(MigrationErrorId.ProtocolVersion, Refusal(changed).ErrorId);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData(""", "disks": [], "nics": []""", false)]
    [InlineData(""", "disks": [ { "vdev": "xvda" } ]""", true)]
    [InlineData(""", "nics": [ {} ]""", true)]
    [InlineData(""", "p9s": [ {} ]""", true)]
    public void A_domain_has_devices_where_a_list_of_them_is_not_empty(string devices, bool hasDevices)
    {
        XenDomainConfiguration configuration = new(
            $$"""{ "c_info": { "type": "pvh", "cpupool": "x" }, "b_info": { "serial_list": [ 1 ] }{{devices}} }""", 4, 17, default, default, [], []);
        Assert.Equal(hasDevices, configuration.HasDevices);
    }

    [Theory]
    [InlineData("""{ "c_info": { "type": "invalid" } }""")]
    [InlineData("""{ "c_info": { "type": 3 } }""")]
    [InlineData("""{ "c_info": [] }""")]
    [InlineData("""{ "b_info": {} }""")]
    [InlineData("[]")]
    [InlineData("not json")]
    [InlineData("")]
    public void A_configuration_of_no_kind_of_domain_is_refused(string json) =>
        Assert.Equal(MigrationErrorId.ProtocolViolation, Refusal(Sample(json).Serialise()).ErrorId);

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        string deep = """{ "c_info": { "type": "pvh", "x": """ + new string('[', 10_000) + new string(']', 10_000) + "} }";
        Assert.Equal(MigrationErrorId.ProtocolViolation, Refusal(Sample(deep).Serialise()).ErrorId);
    }

    [Fact]
    public void Parameters_must_be_known_and_stand_once()
    {
        XenDomainConfiguration foreign = Sample() with { Parameters = [new(35, 1)] };
        XenDomainConfiguration twice = Sample() with { Parameters = [new(1, 5), new(1, 6)] };

        Assert.Contains("none that migrates", Refusal(foreign.Serialise()).Message, StringComparison.Ordinal);
        Assert.Contains("stands twice", Refusal(twice.Serialise()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 7, 7 })]
    [InlineData(new[] { 8, 7 })]
    [InlineData(new[] { PageCount })]
    [InlineData(new[] { -1 })]
    public void Reserved_pages_must_ascend_below_the_page_count(int[] pages) =>
        Assert.Contains(
            "reserved page", Refusal((Sample() with { ReservedPages = pages }).Serialise()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_policy_must_be_whole()
    {
        XenDomainConfiguration broken = Sample() with { MsrPolicy = new byte[17] };
        Assert.Contains("no multiple of 16", Refusal(broken.Serialise()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_of_disks_are_sizes_of_so_many_disks_as_there_can_be()
    {
        Assert.Contains("disk 1 has", Refusal((Sample() with { DiskBytes = [1, -1] }).Serialise()).Message, StringComparison.Ordinal);
        Assert.Contains("sizes of disks", Refusal((Sample() with { DiskBytes = new long[257] }).Serialise()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sections_are_read_back()
    {
        XenCoreSections sections = new(new byte[] { 1, 2, 3 }, new XenTsc(2, 2_000_000, 0x1_0000_0001, 3));

        XenCoreSections read = XenCoreSections.Parse(sections.ToSections());

        Assert.Equal(sections.Tsc, read.Tsc);
        Assert.Equal(sections.HvmContext.ToArray(), read.HvmContext.ToArray());
    }

    [Fact]
    public void Sections_must_be_there_once_and_be_of_a_pvh_domain()
    {
        CoreStateSection[] good = [.. new XenCoreSections(new byte[] { 1 }, new XenTsc(2, 1, 1, 0)).ToSections()];
        CoreStateSection tsc = good.Single(section => section.Kind == CoreStateKind.Tsc);
        byte[] unknownMode = tsc.Content.ToArray();
        unknownMode[0] = 7;
        CoreStateSection[][] bad =
        [
            [],
            [tsc],
            [.. good, tsc],
            [.. good, new CoreStateSection(CoreStateKind.Devices, new byte[1])],
            [good.Single(section => section.Kind == CoreStateKind.VcpuContexts), tsc with { Content = tsc.Content[..19] }],
            [good.Single(section => section.Kind == CoreStateKind.VcpuContexts), tsc with { Content = unknownMode }],
            [tsc, new CoreStateSection(CoreStateKind.VcpuContexts, Array.Empty<byte>())],
        ];

        foreach (CoreStateSection[] sections in bad)
        {
            Assert.Equal(
                MigrationErrorId.ProtocolViolation,
                Assert.Throws<MigrationException>(() => XenCoreSections.Parse(sections)).ErrorId);
        }
    }

    private static MigrationException Refusal(byte[] content) =>
        Assert.Throws<MigrationException>(() => XenDomainConfiguration.Parse(content, PageCount));
}

using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

public class XlConfigurationTests
{
    [Fact]
    public void Only_the_name_changes()
    {
        string renamed = XlConfiguration.ForRestore(SampleStreams.Configuration, "guest--incoming");

        Assert.Equal(
            SampleStreams.Configuration.Replace("\"guest\"", "\"guest--incoming\"", StringComparison.Ordinal), renamed);
        Assert.Equal("guest", XlConfiguration.Name(SampleStreams.Configuration));
        Assert.Equal("guest--incoming", XlConfiguration.Name(renamed));
    }

    [Fact]
    public void The_number_on_the_source_is_forgotten()
    {
        Assert.Equal(
            """{"c_info":{"domid" : 0,"name":"b","x":{"domid":9}},"domid":7}""",
            XlConfiguration.ForRestore("""{"c_info":{"domid" : 12,"name":"a","x":{"domid":9}},"domid":7}""", "b"));
    }

    [Fact]
    public void Names_elsewhere_are_left_alone()
    {
        const string json = """{"name":"x","b_info":{"name":"y"},"c_info":{"l":[{"name":"z"}],"name":"a"},"d":{"name":"w"}}""";
        Assert.Equal(
            json.Replace("\"a\"", "\"b\"", StringComparison.Ordinal), XlConfiguration.ForRestore(json, "b"));
    }

    [Fact]
    public void A_name_with_quotes_is_written_as_JSON()
    {
        string renamed = XlConfiguration.ForRestore("""{"c_info":{"name":"a\u0022b"}}""", "é\"c");
        Assert.Equal("é\"c", XlConfiguration.Name(renamed));
        Assert.Equal("a\"b", XlConfiguration.Name("""{"c_info":{"name":"a\u0022b"}}"""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("name = 'guest'")]
    [InlineData("{\"c_info\":{}}")]
    [InlineData("{\"c_info\":{\"name\":null}}")]
    [InlineData("{\"c_info\":{\"name\":{\"a\":1}}}")]
    [InlineData("{\"c_info\":{\"name\":\"a\",\"name\":\"b\"}}")]
    public void What_names_no_domain_is_refused(string json) =>
        Assert.Throws<XenStreamException>(() => XlConfiguration.ForRestore(json, "x"));

    [Fact]
    public void A_name_that_is_no_text_is_refused()
    {
        Assert.Throws<XenStreamException>(() => XlConfiguration.Name("""{"c_info":{"name":"\ud800"}}"""));
        Assert.Throws<XenStreamException>(() => XlConfiguration.Name("""{"c_info":{"\ud800":1}}"""));
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    public void Bad_names_are_refused(string name) =>
        Assert.Throws<ArgumentException>(() => XlConfiguration.ForRestore(SampleStreams.Configuration, name));
}

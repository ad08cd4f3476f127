using System.Globalization;
using System.Text;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Tests.Texts;

/// <summary>What somebody else wrote is shown, and obeyed by nobody's terminal.</summary>
public sealed class ForeignTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("web01")]
    [InlineData("C:\\windows\\u001B, and \"quotes\"")]
    [InlineData("名前 Привет שלום مرحبا नमस्ते")]
    [InlineData("👩‍🚀 𝒳 é é ﷺ")]
    public void What_is_fit_to_be_shown_stays_as_it_is(string text)
    {
        Assert.True(ForeignText.IsPlain(text));
        Assert.Same(text, ForeignText.Show(text));
    }

    [Theory]
    [InlineData("a\u001b[2Jb", @"a\u001B[2Jb")]
    [InlineData("\u009b31mred", @"\u009B31mred")]
    [InlineData("a\r\nb\tc", @"a\u000D\u000Ab\u0009c")]
    [InlineData("\u007f\0", @"\u007F\u0000")]
    [InlineData("x\u202etxt.exe", @"x\u202Etxt.exe")]
    [InlineData("\u2066\u2069", @"\u2066\u2069")]
    [InlineData("a\u2028b\u2029", @"a\u2028b\u2029")]
    public void What_a_terminal_may_obey_is_escaped(string text, string shown)
    {
        Assert.False(ForeignText.IsPlain(text));
        Assert.Equal(shown, ForeignText.Show(text));
        Assert.True(ForeignText.IsPlain(shown));
    }

    [Fact]
    public void Half_of_a_character_is_escaped()
    {
        // This is no theory with data, through which half of a pair would not reach the test.
        string halves = new([(char)0xD83D, 'x', (char)0xDC7D, (char)0xD83D]);
        Assert.Equal(@"\uD83Dx\uDC7D\uD83D", ForeignText.Show(halves));
    }

    [Fact]
    public void No_character_that_is_obeyed_comes_through()
    {
        for (int value = 0; value <= 0x10_FFFF; value++)
        {
            string text = value is >= 0xD800 and <= 0xDFFF ? ((char)value).ToString() : char.ConvertFromUtf32(value);
            bool isObeyed = value is < 0x20 or (>= 0x7F and <= 0x9F) or 0x2028 or 0x2029 or (>= 0x202A and <= 0x202E)
                or (>= 0x2066 and <= 0x2069) or (>= 0xD800 and <= 0xDFFF)
                || (CharUnicodeInfo.GetUnicodeCategory(value) == UnicodeCategory.Format && value is not (0x200C or 0x200D));
            Assert.Equal(!isObeyed, ForeignText.Show(text) == text);
        }
    }

    [Theory]
    [InlineData("abcdef", 6, "abcdef")]
    [InlineData("abcdefg", 6, "abcde…")]
    [InlineData("abc\u001bd", 6, "abc…")]
    [InlineData("\u001b", 6, @"\u001B")]
    [InlineData("\u001b", 5, "…")]
    [InlineData("a👩b", 3, "a…")]
    [InlineData("👩👩", 4, "👩👩")]
    [InlineData("ab", 1, "…")]
    public void What_is_too_long_is_cut_between_characters(string text, int longest, string shown)
    {
        Assert.Equal(shown, ForeignText.Show(text, longest));
        Assert.Equal(shown, ForeignText.Show(shown, longest));
    }

    [Fact]
    public void Endless_text_has_an_end()
    {
        Assert.Equal(ForeignText.Longest, ForeignText.Show(new string('x', 1 << 20)).Length);
        Assert.InRange(ForeignText.Show(new StringBuilder().Insert(0, "\u001b", 1 << 20).ToString()).Length, 1, ForeignText.Longest);
        Assert.Equal("", ForeignText.Show(null));
    }

    [Theory]
    [InlineData("web01", true)]
    [InlineData("名前", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("a\nb", false)]
    [InlineData("a\u202eb", false)]
    [InlineData("web01\u200b", false)]
    [InlineData("web01\u200f", false)]
    [InlineData("web01\U000E0041", false)]
    [InlineData("  ", false)]
    [InlineData("می‌خواهم", true)]
    public void A_name_is_shown_as_it_is(string? text, bool isName) => Assert.Equal(isName, ForeignText.IsName(text));

    [Fact]
    public void A_name_has_an_end() => Assert.False(ForeignText.IsName(new string('x', ForeignText.LongestName + 1)));
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Native;

/// <summary>
/// The numbers that C and C# share. The hypervisor and the library read the extension's from one header; what the managed
/// side repeats of that header and of the library's own is compared here, name by name.
/// </summary>
public sealed partial class XenNumbersTests
{
    [Theory]
    [InlineData(typeof(XenText), "prx_xen_string", "PRX_XEN_")]
    [InlineData(typeof(XenPagingOperation), "prx_paging_op", "PRX_PAGING_")]
    [InlineData(typeof(XenExtensionAnswer), "prx_extension_answer", "PRX_EXTENSION_")]
    [InlineData(typeof(XenExtensionTable), "prx_extension_table", "PRX_TABLE_")]
    [InlineData(typeof(XenPvVcpuPart), "prx_pv_vcpu_part", "PRX_PV_VCPU_")]
    [InlineData(typeof(XenWaitResult), "prx_wait_result", "PRX_WAIT_")]
    public void An_enumeration_is_that_of_the_library(Type managed, string native, string prefix)
    {
        ArgumentNullException.ThrowIfNull(managed);
        string members = Regex.Match(Interop(), $@"enum {native} \{{([^}}]*)\}}").Groups[1].Value;
        SortedDictionary<string, uint> declared = new(StringComparer.Ordinal);
        foreach (Match member in Member().Matches(members))
        {
            Assert.StartsWith(prefix, member.Groups[1].Value, StringComparison.Ordinal);
            declared.Add(Plain(member.Groups[1].Value[prefix.Length..]), Number(member.Groups[2].Value));
        }

        Assert.NotEmpty(declared);
        Assert.Equal(declared, ValuesOf(managed));
    }

    [Fact]
    public void The_extensions_flags_are_those_of_its_header()
    {
        SortedDictionary<string, uint> declared = Defines(@"\(1U << (\d+)\)", shift => 1u << (int)shift);
        Assert.True(declared.Remove("write", out uint write));
        Assert.Equal(XenExtension.WriteBit, write);

        SortedDictionary<string, uint> managed = ValuesOf(typeof(XenExtensionFlags));
        Assert.True(managed.Remove("none"));
        Assert.Equal(declared, managed);
    }

    [Fact]
    public void The_extensions_tables_are_those_of_its_header()
    {
        SortedDictionary<string, uint> declared = Defines(@"(\d+)", number => number);
        Assert.True(declared.Remove("version"));
        Assert.Equal(declared, ValuesOf(typeof(XenExtensionTable)));
    }

    /// <summary>The header's names in capitals; those of operations are not, and no one's but the library's.</summary>
    private static SortedDictionary<string, uint> Defines(string value, Func<uint, uint> meaning)
    {
        string header = File.ReadAllText(Path.Combine(NativeFolder(), "hypervisor", "src", "xen", "include", "public", "prerecord.h"));
        SortedDictionary<string, uint> found = new(StringComparer.Ordinal);
        const string define = @"^#define XEN_PRERECORD_([A-Z]+)\s+", comment = @"[^\S\n]*(?:/\*.*)?$";
        foreach (Match match in Regex.Matches(header, define + value + comment, RegexOptions.Multiline))
        {
            found.Add(Plain(match.Groups[1].Value), meaning(Number(match.Groups[2].Value)));
        }

        Assert.NotEmpty(found);
        return found;
    }

    private static SortedDictionary<string, uint> ValuesOf(Type managed) => new(
        Enum.GetNames(managed).ToDictionary(Plain, name => Convert.ToUInt32(Enum.Parse(managed, name), CultureInfo.InvariantCulture)),
        StringComparer.Ordinal);

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    private static uint Number(string digits) => uint.Parse(digits, CultureInfo.InvariantCulture);

    private static string Interop() => File.ReadAllText(Path.Combine(NativeFolder(), "interop", "prerecordxen.h"));

    [GeneratedRegex(@"(\w+)\s*=\s*(\d+)")]
    private static partial Regex Member();

    private static string NativeFolder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "..", "native"));
}

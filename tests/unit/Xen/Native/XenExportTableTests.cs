using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Tests.Xen.Native;

/// <summary>The boundary is written down thrice (table, C, C#); these tests keep the three equal.</summary>
public sealed class XenExportTableTests
{
    [Fact]
    public void Every_import_is_in_the_export_table_and_the_reverse()
    {
        string[] imported = ImportedEntryPoints();
        Assert.NotEmpty(imported);
        Assert.Equal(ExportTable(), imported);
    }

    [Fact]
    public void The_header_declares_the_export_table()
    {
        string header = File.ReadAllText(Path.Combine(InteropFolder(), "prerecordxen.h"));
        string[] declared = [.. System.Text.RegularExpressions.Regex
            .Matches(header, @"PRX_EXPORT\s[^;]*?\b(prx_\w+)\(")
            .Select(match => match.Groups[1].Value)
            .Order(StringComparer.Ordinal)];
        Assert.Equal(ExportTable(), declared);
        Assert.Contains($"#define PRX_ABI_VERSION {XenLibrary.AbiVersion}u", header, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_built_library_exports_the_table_and_nothing_else()
    {
        string folder = Path.Combine(InteropFolder(), "..", "..", "artifacts", "native");
        string[] libraries = Directory.Exists(folder) ? Directory.GetFiles(folder, XenLibrary.FileName, SearchOption.AllDirectories) : [];
        Assert.SkipWhen(libraries.Length == 0, "native/interop/build.sh has not built the library (libxen-dev missing?).");
        Assert.All(libraries, library => Assert.Equal(ExportTable(), ElfSymbols.ReadDefinedFunctions(File.ReadAllBytes(library))));
    }

    private static string[] ExportTable() => File.ReadAllLines(Path.Combine(InteropFolder(), "exports.txt"));

    private static string[] ImportedEntryPoints()
    {
        const BindingFlags all = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;
        return
        [
            .. typeof(XenLibrary).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods(all))
                .Select(method => method.GetCustomAttribute<DllImportAttribute>())
                .Where(import => import?.Value == XenLibrary.Name)
                .Select(import => import!.EntryPoint!)
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
    }

    private static string InteropFolder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "..", "native", "interop"));
}

using System.Globalization;
using System.Text;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// What XenStore says of a domain's name, devices, vCPUs and memory, as one text: where it is the same, so is the domain's configuration.
/// Reading it takes a few milliseconds; the configuration itself takes the toolstack's lock, for which it starts a process.
/// </summary>
internal static class DomainFingerprint
{
    /// <summary>Reads the text.</summary>
    internal static string Take(IDomainControl control, int domid)
    {
        string home = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}");
        StringBuilder text = new();
        foreach (string node in (ReadOnlySpan<string>)[$"{home}/name", $"{home}/memory/target", $"{home}/memory/static-max"])
        {
            Append(text, node, control.ReadStore(node));
        }

        AppendTree(control, text, $"{home}/cpu");
        AppendTree(control, text, string.Create(CultureInfo.InvariantCulture, $"/libxl/{domid}/device"));
        return text.ToString();
    }

    private static void AppendTree(IDomainControl control, StringBuilder text, string path)
    {
        Append(text, path, control.ReadStore(path));
        foreach (string child in control.ListStore(path).Order(StringComparer.Ordinal))
        {
            AppendTree(control, text, $"{path}/{child}");
        }
    }

    private static void Append(StringBuilder text, string path, string? value) => text.Append(path).Append('=').Append(value).Append('\n');
}

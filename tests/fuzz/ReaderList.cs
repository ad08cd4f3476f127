using System.Reflection;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Fuzz;

/// <summary>
/// Notices a reader that has no target: every static method of the engine that is called as readers are. Name a new one in the target
/// that reaches it (Targets), or here where it reads nothing foreign.
/// </summary>
internal static class ReaderList
{
    private static readonly string[] s_names = ["Parse", "TryParse", "Read", "TryRead", "Decode", "TryDecode", "TryFromBytes", "OriginOf", "UserOf"];

    /// <summary>Methods that are called as readers are, and read nothing foreign or are parts of a reader that a target has.</summary>
    private static readonly string[] s_others =
    [
        // Parts of readers that are reached through their types' other methods.
        "RecordCodec.Decode", "PageBitmap.TryFromBytes", "LibxcPvRecords.Read", "IncomingMarker.Read", "SourceMarker.Read", "SourceMarker.Parse", "SuspendRequest.Read",
        "TrustedFile.TryRead", "HvmVcpu.Read",

        // What an administrator says or has in a file of his own, which .NET reads.
        "Destination.Parse", "CertificateFiles.Read", "BeatKey.Parse", "OutsideProbe.Parse",

        // The hypervisor's and the system's own words.
        "XenHostFacts.Read", "XenVersion.Read", "Arrivals.OriginOf", "DeviceNumber.TryParse", "KernelNumber.Read",
    ];

    /// <summary>Readers of the engine that no target names, as Type.Method.</summary>
    public static IEnumerable<string> Unreached()
    {
        HashSet<string> known = [.. s_others, .. Targets.All.SelectMany(target => target.Readers)];
        return typeof(RecordCodec).Assembly.GetTypes()
            .Where(type => !type.FullName!.Contains('<', StringComparison.Ordinal))
            .SelectMany(type => type
                .GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                .Where(method => s_names.Contains(method.Name))
                .Select(method => $"{type.Name}.{method.Name}"))
            .Distinct()
            .Where(reader => !known.Contains(reader))
            .Order(StringComparer.Ordinal);
    }
}

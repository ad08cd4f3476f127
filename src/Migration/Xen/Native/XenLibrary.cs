using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Native;

/// <summary>Finds and checks libprerecordxen, once, when Xen is first used.</summary>
internal static partial class XenLibrary
{
    /// <summary>The name in every import.</summary>
    internal const string Name = "prerecordxen";

    /// <summary>The library's file name.</summary>
    internal const string FileName = "libprerecordxen.so";

    /// <summary>The environment variable that names the library's file where it is not beside the assemblies.</summary>
    internal const string PathVariable = "PRERECORD_XEN_LIBRARY";

    /// <summary>The command that builds a module with the library in it, as in the README.</summary>
    internal const string BuildCommand = "apt-get install libxen-dev cmake gcc && native/interop/build.sh && module/build.sh";

    /// <summary>The version of the boundary that these bindings speak: PRX_ABI_VERSION of prerecordxen.h.</summary>
    internal const uint AbiVersion = 4;

    private static readonly Lazy<nint> Loaded =
        new(() => Load(Candidates(Environment.GetEnvironmentVariable(PathVariable), XenVersion.Read(XenVersion.Folder))));

    static XenLibrary() => NativeLibrary.SetDllImportResolver(
        typeof(XenLibrary).Assembly, static (name, _, _) => name == Name ? Loaded.Value : 0);

    /// <summary>Makes sure that the library is there and of the right version.</summary>
    /// <exception cref="XenLibraryException">It is not.</exception>
    internal static void Require()
    {
        _ = Loaded.Value;
        uint version = AbiVersionOf();
        if (version != AbiVersion)
        {
            throw new XenLibraryException(
                $"{FileName} speaks version {version} of its interface; this module needs version {AbiVersion}.");
        }
    }

    /// <summary>Turns a failed call's result into an exception.</summary>
    /// <param name="result">0, or −errno.</param>
    /// <param name="subject">The domain or path the call was made for.</param>
    internal static unsafe void Check(int result, string subject)
    {
        if (result < 0)
        {
            throw new XenException(Text(LastCall()), -result, subject, Text(LastMessage()));
        }
    }

    private static unsafe string Text(byte* text) => Utf8StringMarshaller.ConvertToManaged(text) ?? "";

    /// <summary>Loads the first of the files that can be loaded.</summary>
    /// <exception cref="XenLibraryException">None can; the message names them, or the one that is there with the loader's reason.</exception>
    internal static nint Load(IEnumerable<string> candidates)
    {
        List<string> tried = [];
        List<string> reasons = [];
        Exception? broken = null;
        foreach (string path in candidates)
        {
            tried.Add(path);
            try
            {
                return NativeLibrary.Load(path);
            }
            catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
            {
                // The last line is the loader's own reason; before it stands advice about debugging tools.
                string reason = exception.Message.TrimEnd().Split('\n')[^1].Trim();
                if (!reason.StartsWith($"{path}: cannot open shared object file", StringComparison.Ordinal))
                {
                    reasons.Add(reason);
                    broken ??= exception;
                }
            }
        }

        throw broken is not null
            ? new XenLibraryException($"{FileName}, the module's library for Xen, cannot be loaded: {string.Join("; ", reasons)}", broken)
            : new XenLibraryException($"{FileName}, the module's library for Xen, is not on this machine (looked for {string.Join(", ", tried)}).");
    }

    /// <summary>Where the library may be: there is one for each version of Xen, because it is linked with that version's libraries. A file that
    /// the environment names runs with this process's rights, so nobody else may be able to write it.</summary>
    /// <param name="named">What the environment names; nothing where it does not.</param>
    /// <param name="version">The Xen that this machine runs on; null where that is not known: then whichever can be loaded is right, because
    /// the loader finds the libraries of the toolstack that is installed, and of no other.</param>
    /// <exception cref="XenLibraryException">There is no library for this Xen.</exception>
    internal static IEnumerable<string> Candidates(string? named, XenVersion? version)
    {
        if (!string.IsNullOrEmpty(named))
        {
            yield return TrustedFile.Find(named) ?? named;
            yield break;
        }

        if (version is { IsKnown: false })
        {
            throw new XenLibraryException($"This machine runs Xen {version}, and the module has libraries for {XenVersion.KnownText}.");
        }

        string? beside = Path.GetDirectoryName(AssemblyLocation());
        if (!string.IsNullOrEmpty(beside))
        {
            foreach (XenVersion one in version is { } only ? [only] : XenVersion.Known.Reverse().Select(static known => known.Version))
            {
                yield return Path.Combine(beside, "runtimes", "linux-x64", "native", one.ToString(), FileName);
            }
        }

        yield return FileName;
    }

    [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage(
        "SingleFile", "IL3000", Justification = "An empty location, as in a single file, is handled: the base directory serves.")]
    private static string AssemblyLocation()
    {
        string location = Assembly.GetExecutingAssembly().Location;
        return location.Length > 0 ? location : Path.Combine(AppContext.BaseDirectory, FileName);
    }

    [LibraryImport(Name, EntryPoint = "prx_abi_version")]
    private static partial uint AbiVersionOf();

    [LibraryImport(Name, EntryPoint = "prx_last_call")]
    private static unsafe partial byte* LastCall();

    [LibraryImport(Name, EntryPoint = "prx_last_message")]
    private static unsafe partial byte* LastMessage();
}

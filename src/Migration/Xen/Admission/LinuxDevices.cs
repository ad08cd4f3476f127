using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Admission;

/// <summary>The control domain that this process runs in.</summary>
/// <param name="isDomain">Whether a domain of a name is there.</param>
/// <param name="system">Where the kernel tells of its devices.</param>
internal sealed class LinuxDevices(Func<string, bool> isDomain, string system = "/sys") : IHostDevices
{
    /// <inheritdoc/>
    public FollowedFile Look(string path) => FollowedFile.Of(path, system);

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Head(string path, int count)
    {
        try
        {
            byte[] head = new byte[count];

            // Shared with whoever has it open, the domain itself where it moves within the host.
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return head.AsMemory(0, file.ReadAtLeast(head, count, throwOnEndOfStream: false));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <inheritdoc/>
    public bool IsInterface(string name) => IsName(name) && Directory.Exists($"{system}/class/net/{name}");

    /// <inheritdoc/>
    public bool IsBridge(string name) => IsName(name) && Directory.Exists($"{system}/class/net/{name}/bridge");

    /// <inheritdoc/>
    public bool IsDomain(string name) => isDomain(name);

    /// <summary>Whether a text can be an interface's name, and no other path.</summary>
    private static bool IsName(string name) => name is not ("" or "." or "..") && !name.Contains('/', StringComparison.Ordinal);
}

using PreRecordMigration.Hypervisor;

namespace PreRecordMigration.Files;

/// <summary>
/// Files that decide what this process does: settings, policies, keys. They are read by absolute paths alone, and only where
/// nobody but root and this process's user can change what stands there: not the file, not a link to it, and not a folder above.
/// </summary>
/// <remarks>
/// <para>A path is walked as the kernel does, from the root on, links included. What has been found to be safe stays so: whoever
/// could exchange it would have to write a folder that was looked at before.</para>
/// <para>The mode says it all: where a file has an access control list, the group's bits are the list's mask. Only Linux tells
/// owners and modes; elsewhere a path must be absolute and lead to a regular file.</para>
/// </remarks>
public static class TrustedFile
{
    /// <summary>The kernel's own limit.</summary>
    private const int MaximumLinks = 40;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const UnixFileMode OthersRead = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Tells of a path, without following a link; false where it may not be looked at.</summary>
    internal delegate bool Look(string path, out FileStatus status);

    /// <summary>Reads a file whole.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="largest">How many bytes it may have.</param>
    /// <param name="isSecret">Whether nobody but its owner may read it, either.</param>
    /// <returns>Its content; null where nothing stands there.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.FileNotTrusted"/>: others may change it (or read it, where it
    /// is a secret), the path is not absolute, or no regular file stands there; <see cref="MigrationErrorId.InvalidFile"/>: it is
    /// longer; <see cref="MigrationErrorId.AccessDenied"/>: it cannot be read. The message has the path and the reason.</exception>
    public static byte[]? TryRead(string path, int largest, bool isSecret = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(largest);
        if (Find(path, isSecret) is not { } target)
        {
            return null;
        }

        try
        {
            using FileStream stream = File.OpenRead(target);
            byte[] content = new byte[Math.Min(stream.Length, largest) + 1];
            int length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length <= largest ? content[..length] : throw TooLong(path, largest);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, error.Message, error);
        }
    }

    /// <summary>Looks for a file and refuses one that others may change, as <see cref="TryRead"/> does, without reading it.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="isSecret">Whether nobody but its owner may read it, either.</param>
    /// <returns>Its path without links, by which it is to be opened; null where nothing stands there.</returns>
    /// <exception cref="MigrationException">As <see cref="TryRead"/> throws it.</exception>
    public static string? Find(string path, bool isSecret = false) =>
        Find(path, isSecret, FileStatus.TryOf, FileStatus.EffectiveUser);

    /// <summary>As the public one, with another file system and another user.</summary>
    internal static string? Find(string path, bool isSecret, Look look, uint user)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Path.IsPathFullyQualified(path))
        {
            throw new MigrationException(
                MigrationErrorId.FileNotTrusted,
                $"'{path}' is not read: it is no absolute path, and what it leads to depends on the current folder.",
                "Give the path from the root on.",
                path);
        }

        Stack<string> open = new(Parts(path));
        string place = Path.GetPathRoot(path)!;
        int links = 0;
        while (true)
        {
            if (!look(place, out FileStatus status))
            {
                throw Unreadable(path, $"'{place}' may not be looked at", null);
            }

            if (status.Kind == FileKind.None || (status.Kind is not (FileKind.Folder or FileKind.Link) && open.Count > 0))
            {
                return null;
            }

            RequireOwner(path, place, status, user);
            if (status.Kind == FileKind.Link)
            {
                string target = LinkTarget(path, place, ++links);
                foreach (string piece in Parts(target))
                {
                    open.Push(piece);
                }

                place = Path.IsPathFullyQualified(target) ? Path.GetPathRoot(target)! : Above(place);
            }
            else if (!open.TryPop(out string? part))
            {
                RequireFile(path, place, status, isSecret);
                return place;
            }
            else
            {
                RequireClosedFolder(path, place, status);
                place = part == ".." ? Above(place) : Path.Combine(place, part);
            }
        }
    }

    private static string LinkTarget(string path, string link, int count)
    {
        string? target = count <= MaximumLinks ? new FileInfo(link).LinkTarget : throw Unreadable(path, "its links lead in a circle", null);
        return target ?? throw Unreadable(path, $"'{link}' has changed while it was looked at", null);
    }

    private static string Above(string place) => Path.GetDirectoryName(place) ?? place;

    private static void RequireOwner(string path, string place, FileStatus status, uint user)
    {
        if (status.User != 0 && status.User != user)
        {
            throw Refusal(path, place, $"'{place}' belongs to user {status.User}", $"chown -h {user} '{place}'");
        }
    }

    /// <summary>
    /// Whoever may write a folder can exchange what stands in it. With the sticky bit only the owner of what stands there can, and
    /// that one is looked at next.
    /// </summary>
    private static void RequireClosedFolder(string path, string folder, FileStatus status)
    {
        if ((status.Mode & OthersWrite) != 0 && !status.Mode.HasFlag(UnixFileMode.StickyBit))
        {
            throw Refusal(path, folder, $"{Writers(status)} may write the folder '{folder}'", $"chmod go-w '{folder}'");
        }
    }

    private static void RequireFile(string path, string file, FileStatus status, bool isSecret)
    {
        if (status.Kind != FileKind.Regular)
        {
            throw Refusal(path, file, $"'{file}' is a {status.Kind.ToString().ToLowerInvariant()} and no regular file", null);
        }

        if ((status.Mode & OthersWrite) != 0)
        {
            throw Refusal(path, file, $"{Writers(status)} may write '{file}'", $"chmod go-w '{file}'");
        }

        if (isSecret && (status.Mode & OthersRead) != 0)
        {
            throw Refusal(path, file, $"others than its owner may read '{file}'", $"chmod go= '{file}'");
        }
    }

    private static string Writers(FileStatus status) => status.Mode.HasFlag(UnixFileMode.OtherWrite) ? "everybody" : "its group";

    private static MigrationException Refusal(string path, string place, string reason, string? command) => new(
        MigrationErrorId.FileNotTrusted,
        $"'{path}' is not read: {reason}.",
        command is null ? "Give the path of a file." : $"See that it still says what you want, and then: {command}",
        place);

    private static MigrationException TooLong(string path, int largest) => new(
        MigrationErrorId.InvalidFile, $"'{path}' has more than {largest} bytes.", "See whether it is the right file.", path);

    private static MigrationException Unreadable(string path, string reason, Exception? error) => new(
        MigrationErrorId.AccessDenied,
        $"'{path}' cannot be read: {reason.TrimEnd('.')}.",
        "Look at the file, and at who may read it.",
        path,
        error);

    /// <summary>The parts of a path, the last one first.</summary>
    private static IEnumerable<string> Parts(string path) => path[(Path.GetPathRoot(path)?.Length ?? 0)..]
        .Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries)
        .Where(part => part != ".")
        .Reverse();
}

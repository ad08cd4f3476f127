using System.Security.Cryptography;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Files;

/// <summary>
/// Files that decide what this process does: settings, policies, keys. They are read by absolute paths alone, and only where
/// nobody but root and this process's user can change what stands there: not the file, not a link to it, and not a folder above.
/// </summary>
/// <remarks>
/// <para>A path is walked as the kernel does, from the root on, links included. What has been found to be safe stays so: whoever
/// could exchange it would have to write a folder that was looked at before.</para>
/// <para>The mode says it all: where a file has an access control list, the group's bits are the list's mask. A group counts as others
/// even where it is its user's own (a umask of 002): whom else a directory service has put into it cannot be asked for here.</para>
/// <para>A certificate or a list of authorities is for everybody to read, and decides whom this process believes: nobody else may write
/// it. A private key nobody else may read, either.</para>
/// <para>Only Linux tells owners and modes; elsewhere a path must be absolute and lead to a regular file.</para>
/// </remarks>
public static class TrustedFile
{
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const UnixFileMode OthersRead = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

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
            byte[] whole = length <= largest ? content[..length] : throw TooLong(path, largest);
            if (isSecret)
            {
                CryptographicOperations.ZeroMemory(content);
            }

            return whole;
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

    /// <summary>As <see cref="Find(string, bool)"/>, of a folder in which files stand that this process believes.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <returns>Its path without links; null where nothing stands there.</returns>
    /// <exception cref="MigrationException">As <see cref="TryRead"/> throws it.</exception>
    public static string? FindFolder(string path) => Find(path, false, FileStatus.TryOf, FileStatus.EffectiveUser, FileKind.Folder);

    /// <summary>The same rule for a given file system and a given user.</summary>
    internal static string? Find(string path, bool isSecret, PathWalk.Look look, uint user, FileKind kind = FileKind.Regular)
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

        try
        {
            return Find(path, isSecret, PathWalk.Through(path, look), user, kind);
        }
        catch (IOException error)
        {
            throw Unreadable(path, error.Message, error);
        }
    }

    /// <summary>Finds a file, or a folder, on its way. All faults of the way are told in one error; where nothing stands at its end, nothing is
    /// refused.</summary>
    private static string? Find(string path, bool isSecret, IEnumerable<PathStep> way, uint user, FileKind kind)
    {
        List<Fault> faults = [];
        PathStep last = default;
        foreach (PathStep step in way)
        {
            if (!step.IsSeen)
            {
                throw Unreadable(path, $"'{step.Place}' may not be looked at", null);
            }

            if (step.Status.Kind == FileKind.None || (step.Status.Kind is not (FileKind.Folder or FileKind.Link) && !step.IsEnd))
            {
                return null;
            }

            faults.AddRange(FaultsOf(step, isSecret, user));
            if (step.Status.Kind == FileKind.Link && faults.Count > 0)
            {
                // A link of somebody else's is not followed: a process that may read everything must not look where others point.
                throw Refusal(path, faults);
            }

            last = step;
        }

        if (last.Status.Kind != kind)
        {
            throw new MigrationException(
                MigrationErrorId.FileNotTrusted,
                $"'{path}' is not read: '{last.Place}' is a {last.Status.Kind.ToString().ToLowerInvariant()} and no {(kind == FileKind.Regular ? "regular file" : "folder")}.",
                $"Give the path of a {(kind == FileKind.Regular ? "file" : "folder")}.",
                last.Place);
        }

        return faults.Count == 0 ? last.Place : throw Refusal(path, faults);
    }

    /// <summary>Why a place on the way to a file is not trusted.</summary>
    private static IEnumerable<Fault> FaultsOf(PathStep step, bool isSecret, uint user)
    {
        (string place, FileStatus status) = (step.Place, step.Status);
        string name = ShellWord(place);
        if (status.User != 0 && status.User != user)
        {
            yield return new Fault(place, $"'{place}' belongs to user {status.User}", $"chown -h {user} {name}")
            {
                IsElsewhere = status.Kind == FileKind.Folder,
            };
        }

        bool isOpen = (status.Mode & OthersWrite) != 0;
        string writers = status.Mode.HasFlag(UnixFileMode.OtherWrite) ? "everybody" : "its group";
        if (status.Kind == FileKind.Folder && !step.IsEnd)
        {
            // Whoever may write a folder can exchange what stands in it. With the sticky bit only the owner of what stands there can,
            // and whose that is, the next step says.
            if (isOpen && !status.Mode.HasFlag(UnixFileMode.StickyBit))
            {
                yield return new Fault(place, $"{writers} may write the folder '{place}'", $"chmod go-w {name}");
            }
        }
        else if (step.IsEnd && isOpen)
        {
            yield return new Fault(place, $"{writers} may write '{place}'", $"chmod go-w {name}");
        }

        if (step.IsEnd && isSecret && (status.Mode & OthersRead) != 0)
        {
            yield return new Fault(place, $"others than its owner may read '{place}'", $"rm {name}") { IsKnownToOthers = true };
        }
    }

    private static MigrationException Refusal(string path, IEnumerable<Fault> faults)
    {
        // A relative link leads through its own folder again, whose faults would be listed twice.
        Fault[] all = [.. faults.Distinct()];
        string message = $"'{path}' is not read: {string.Join("; ", all.Select(fault => fault.Reason))}.";
        if (all.FirstOrDefault(fault => fault.IsKnownToOthers) is { } known)
        {
            // To close the file now would not make a secret of what others may have read; and what else is wrong with it goes with it.
            Fault[] above = [.. all.Where(fault => fault.Place != known.Place)];
            return new MigrationException(
                MigrationErrorId.FileNotTrusted,
                message,
                "What others could read is no secret any more, whatever may be done to the file now: "
                + $"{string.Join(" && ", above.Append(known).Select(fault => fault.Command))}, and have a new key made (New-MigrationCertificate; the other side "
                + "must trust the new certificate, and the old one no more). The key of connections on loopback is made anew by itself.",
                known.Place);
        }

        return new MigrationException(
            MigrationErrorId.FileNotTrusted,
            message,
            (all.Any(fault => fault.IsElsewhere) ? "Keep the file below folders that are root's or this user's, or see" : "See")
            + $" that it still says what you want, and then: {string.Join(" && ", all.Select(fault => fault.Command))}",
            all[0].Place);
    }

    private static MigrationException TooLong(string path, int largest) => new(
        MigrationErrorId.InvalidFile, $"'{path}' has more than {largest} bytes.", "See whether it is the right file.", path);

    private static MigrationException Unreadable(string path, string reason, Exception? error) => new(
        MigrationErrorId.AccessDenied,
        $"'{path}' cannot be read: {reason.TrimEnd('.')}.",
        "Look at the file, and at who may read it.",
        path,
        error);

    /// <summary>A path as a shell takes it for one word, whatever is in it.</summary>
    private static string ShellWord(string path) => $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>Something that keeps a file from being read.</summary>
    /// <param name="Place">Where.</param>
    /// <param name="Reason">What it is, as a part of a sentence.</param>
    /// <param name="Command">What mends it.</param>
    private sealed record Fault(string Place, string Reason, string Command)
    {
        /// <summary>Whether the place is a folder of somebody else's, who may need it as it is.</summary>
        public bool IsElsewhere { get; init; }

        /// <summary>Whether what stands there may be known to others.</summary>
        public bool IsKnownToOthers { get; init; }
    }
}

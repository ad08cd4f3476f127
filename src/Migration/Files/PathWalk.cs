namespace PreRecordMigration.Files;

/// <summary>Walks a path as the kernel does: from the root on, links included, and '..' is the folder that is really above.</summary>
internal static class PathWalk
{
    /// <summary>The kernel's own limit.</summary>
    private const int MaximumLinks = 40;

    /// <summary>Tells of a path, without following a link; false where it may not be looked at.</summary>
    internal delegate bool Look(string path, out FileStatus status);

    /// <summary>The places that a path leads through, the one that it leads to last; each is looked at when it is asked for.</summary>
    /// <param name="path">An absolute path. What is below a place that is not there is not there either.</param>
    /// <param name="look">Looks at a place.</param>
    /// <exception cref="IOException">Its links lead in a circle, or one of them has changed meanwhile.</exception>
    internal static IEnumerable<PathStep> Through(string path, Look look)
    {
        Stack<string> open = new(Parts(path));
        string place = Path.GetPathRoot(path)!;
        int links = 0;
        while (true)
        {
            bool isSeen = look(place, out FileStatus status);
            bool isLink = status.Kind == FileKind.Link;
            yield return new PathStep(place, status, isSeen, !isLink && open.Count == 0);
            if (isLink)
            {
                string target = LinkTarget(path, place, ++links);
                foreach (string piece in Parts(target))
                {
                    open.Push(piece);
                }

                place = Path.IsPathFullyQualified(target) ? Path.GetPathRoot(target)! : Above(place);
            }
            else if (open.TryPop(out string? part))
            {
                place = part == ".." ? Above(place) : Path.Combine(place, part);
            }
            else
            {
                yield break;
            }
        }
    }

    private static string LinkTarget(string path, string link, int count) => count > MaximumLinks
        ? throw new IOException($"The links of '{path}' lead in a circle.")
        : new FileInfo(link).LinkTarget ?? throw new IOException($"The link '{link}' has changed while it was looked at.");

    private static string Above(string place) => Path.GetDirectoryName(place) ?? place;

    /// <summary>The parts of a path, the last one first.</summary>
    private static IEnumerable<string> Parts(string path) => path[(Path.GetPathRoot(path)?.Length ?? 0)..]
        .Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries)
        .Where(part => part != ".")
        .Reverse();
}

/// <summary>One of the places that a path leads through.</summary>
/// <param name="Place">Its path, without links.</param>
/// <param name="Status">What stands there.</param>
/// <param name="IsSeen">Whether the system let it be looked at.</param>
/// <param name="IsEnd">Whether the path leads here.</param>
internal readonly record struct PathStep(string Place, FileStatus Status, bool IsSeen, bool IsEnd);

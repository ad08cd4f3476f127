using System.Globalization;
using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Boards;

/// <summary>The boards of a user's processes: a socket each in a folder that is that user's alone, named by its process.</summary>
internal static class BoardFolder
{
    private const string Beginning = "process-";
    private const string Ending = ".sock";

    /// <summary>The name of a process' socket.</summary>
    internal static string NameOf(OwnerProcess process) =>
        string.Create(CultureInfo.InvariantCulture, $"{Beginning}{process.Id}-{process.StartTime}{Ending}");

    /// <summary>Understands the name of a socket.</summary>
    /// <returns>False where it is no name of one.</returns>
    internal static bool TryParse(string name, out OwnerProcess process)
    {
        if (name.StartsWith(Beginning, StringComparison.Ordinal)
            && name.EndsWith(Ending, StringComparison.Ordinal)
            && name.Length > Beginning.Length + Ending.Length
            && OwnerProcess.TryParse(name[Beginning.Length..^Ending.Length].Replace('-', ':'), out process)
            && NameOf(process) == name)
        {
            return true;
        }

        process = default;
        return false;
    }

    /// <summary>The boards of other processes that live. What a killed process left is removed.</summary>
    /// <param name="folder">The folder; it need not be there.</param>
    /// <param name="self">The process that looks, whose own is left out.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.FileNotTrusted"/>: others may write the folder;
    /// <see cref="MigrationErrorId.AccessDenied"/>: it cannot be read.</exception>
    internal static IReadOnlyList<(OwnerProcess Process, string Path)> Others(string folder, OwnerProcess self)
    {
        if (!OperatingSystem.IsLinux() || TrustedFile.FindFolder(folder) is not { } there)
        {
            return [];
        }

        try
        {
            List<(OwnerProcess, string)> found = [];
            foreach (string path in Directory.EnumerateFileSystemEntries(there, $"{Beginning}*{Ending}"))
            {
                if (TryParse(Path.GetFileName(path), out OwnerProcess process) && process != self
                    && FileStatus.Of(path).Kind == FileKind.Socket && !RemoveIfDead(process, path))
                {
                    found.Add((process, path));
                }
            }

            return found;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFolder.Denied($"The folder {folder} cannot be read", folder, error);
        }
    }

    /// <summary>Removes a socket. Where that cannot be done, somebody else's look may do it.</summary>
    internal static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Its folder has gone, or is not to be written any more: nobody is misled by what stays, since nobody listens there.
            return;
        }
    }

    /// <summary>Whether nothing is to be heard of a process any more: it has taken its board away, or it has ended, and its socket is removed.</summary>
    internal static bool IsOver(OwnerProcess process, string path) => !File.Exists(path) || RemoveIfDead(process, path);

    /// <summary>
    /// Removes the socket of a process that has ended. Where this process does not see the other one, as from another namespace of process
    /// ids, somebody still listens: that one is left alone.
    /// </summary>
    /// <returns>Whether its process has ended.</returns>
    private static bool RemoveIfDead(OwnerProcess process, string path)
    {
        if (process.IsAlive || !IsRefused(path))
        {
            return false;
        }

        Remove(path);
        return true;
    }

    private static bool IsRefused(string path)
    {
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }
}

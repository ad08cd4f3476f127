using System.Globalization;
using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Transports;

/// <summary>
/// A file by which a receiver that listens on loopback is found by who comes by ssh (<see cref="SshScript"/>): whose process it is, and the port.
/// It stands in <see cref="RuntimeFolder"/>, where nobody but this user can write, for as long as the receiver listens; that of a process which
/// has ended is believed by nobody.
/// </summary>
/// <remarks>
/// All of it is in the file's name, so that there is never half of it: <c>receiver-TIME-ID-START-PORT</c>, with the process' id and when it started
/// (<see cref="OwnerProcess"/>). By the time they are in the order in which they were made: of several receivers the first one is found, which is the
/// one that may have a domain already.
/// </remarks>
internal sealed class ReceiverNote : IDisposable
{
    /// <summary>Which files of the folder are notes, as the other side's shell takes them, too.</summary>
    internal const string Pattern = "receiver-*-*-*-*";

    private const int OwnerPart = 2;
    private const int Parts = 5;
    private readonly string _path;

    private ReceiverNote(string path) => _path = path;

    /// <summary>Notes that a receiver listens, where ssh can lead to it. Notes of processes that have ended are taken away.</summary>
    /// <param name="folder">The runtime folder; made where it is not there.</param>
    /// <param name="endpoint">Where it listens.</param>
    /// <returns>The note; disposing it takes it away. Null where it listens at another address than 127.0.0.1, by which ssh comes.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.AccessDenied"/>: it cannot be written.</exception>
    internal static ReceiverNote? Write(string folder, IPEndPoint endpoint)
    {
        if (!endpoint.Address.Equals(IPAddress.Loopback))
        {
            return null;
        }

        RuntimeFolder.Make(folder);
        OwnerProcess owner = OwnerProcess.Current;
        string path = Path.Combine(folder, string.Create(
            CultureInfo.InvariantCulture, $"receiver-{DateTime.UtcNow:yyyyMMddHHmmssfffffff}-{owner.Id}-{owner.StartTime}-{endpoint.Port}"));
        try
        {
            RemoveStale(folder);
            new FileStream(path, RuntimeFolder.NewFile(FileAccess.Write)).Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFolder.Denied($"{path} cannot be written", path, error);
        }

        return new ReceiverNote(path);
    }

    /// <summary>Takes the note away. Where that fails it is left to whoever notes something when this process has ended.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Until then who comes finds nobody at the port that it names.
        }
    }

    /// <summary>Takes away what dead processes left. One that has ended never lives again, so nobody's note is taken.</summary>
    private static void RemoveStale(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder, Pattern))
        {
            string[] parts = Path.GetFileName(path).Split('-');
            if (parts.Length == Parts
                && OwnerProcess.TryParse($"{parts[OwnerPart]}:{parts[OwnerPart + 1]}", out OwnerProcess owner)
                && !owner.IsAlive)
            {
                new ReceiverNote(path).Dispose();
            }
        }
    }
}

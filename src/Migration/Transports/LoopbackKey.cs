using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Transports;

/// <summary>
/// The secret that a user's processes on one machine share, in a file that nobody else can read: with it both ends of a connection over
/// loopback prove that they belong to that user (<see cref="LoopbackProof"/>). It is made when it is first needed and lasts as long as its
/// folder.
/// </summary>
internal sealed partial class LoopbackKey
{
    /// <summary>The file in <see cref="RuntimeFolder"/>: the key in hexadecimal digits, and a newline.</summary>
    internal const string FileName = "loopback.key";

    private const int Length = 32;
    private const int LongestFile = 4096;
    private const int AlreadyThere = 17;
    private readonly byte[] _key;

    private LoopbackKey(byte[] key) => _key = key;

    /// <summary>A key that no file has: for two ends within one process.</summary>
    internal static LoopbackKey Fresh() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>This user's key on this machine, made where there is none.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.FileNotTrusted"/>: others may read or change the file;
    /// <see cref="MigrationErrorId.AccessDenied"/>: it can be neither read nor made; <see cref="MigrationErrorId.InvalidFile"/>: it holds
    /// no key.</exception>
    internal static LoopbackKey OfThisUser() => Of(RuntimeFolder.Find());

    /// <summary>The key in a runtime folder. Folder and key are made where they are not there; the errors are those of
    /// <see cref="OfThisUser"/>.</summary>
    internal static LoopbackKey Of(string folder)
    {
        RuntimeFolder.Make(folder);
        string path = Path.Combine(folder, FileName);
        if (TrustedFile.TryRead(path, LongestFile, isSecret: true) is not { } content)
        {
            Make(path);
            content = TrustedFile.TryRead(path, LongestFile, isSecret: true) ?? [];
        }

        return Parse(Encoding.ASCII.GetString(content), path);
    }

    /// <summary>Understands a key as its file has it.</summary>
    /// <param name="text">The file's content.</param>
    /// <param name="origin">Where it comes from, for messages.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidFile"/>: it is none.</exception>
    internal static LoopbackKey Parse(string text, string origin)
    {
        byte[] key = new byte[Length];
        return Convert.FromHexString(text.Trim(), key, out _, out int length) == System.Buffers.OperationStatus.Done && length == Length
            ? new LoopbackKey(key)
            : throw new MigrationException(
                MigrationErrorId.InvalidFile,
                $"{origin} holds no key of {Length} bytes in hexadecimal digits.",
                "Remove the file: a new one is made when it is next needed. Receivers that run use the new one at once.",
                origin);
    }

    /// <summary>The code of a text, which only holders of the key can make.</summary>
    internal byte[] Sign(ReadOnlySpan<byte> text) => HMACSHA256.HashData(_key, text);

    /// <summary>Makes the key's file. Of several processes that do so at once one wins, and all use its key.</summary>
    private static void Make(string path)
    {
        string fresh = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            using (FileStream file = new(fresh, RuntimeFolder.NewFile(FileAccess.Write)))
            {
                file.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Length)) + "\n"));
            }

            // Linking is atomic: a name that is there already stays what it is. File.Move looks first and then replaces.
            if (OperatingSystem.IsWindows())
            {
                File.Move(fresh, path, overwrite: false);
            }
            else
            {
                bool isMade = Link(fresh, path) == 0;
                int reason = Marshal.GetLastPInvokeError();
                File.Delete(fresh);
                if (!isMade && reason != AlreadyThere)
                {
                    throw new IOException(Marshal.GetPInvokeErrorMessage(reason));
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFolder.Denied($"{path} cannot be written", path, error);
        }
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);
}

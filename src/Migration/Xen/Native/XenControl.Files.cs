using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Native;

/// <content>Files that live as long as the host's domains do.</content>
internal sealed partial class XenControl
{
    /// <summary>More than the description of any domain.</summary>
    private const int LargestFile = 64 << 20;

    /// <inheritdoc/>
    public void WriteFile(string name, ReadOnlyMemory<byte> content)
    {
        string path = Path.Combine(RuntimeFolder.Open(RuntimeFolder.Find()), name);
        string partial = $"{path}.new";
        try
        {
            // Another user's file, or one of an older run, is not written into.
            File.Delete(partial);
            using (FileStream file = new(partial, RuntimeFolder.NewFile(FileAccess.Write)))
            {
                file.Write(content.Span);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFolder.Denied($"What another process would need to go on cannot be kept in {path}", path, error);
        }
    }

    /// <inheritdoc/>
    public byte[]? ReadFile(string name) => TrustedFile.TryRead(Path.Combine(RuntimeFolder.Find(), name), LargestFile, isSecret: true);

    /// <inheritdoc/>
    public void RemoveFile(string name)
    {
        try
        {
            File.Delete(Path.Combine(RuntimeFolder.Find(), name));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Nothing was ever kept; or it ends with the boot of the host, and nothing points to it any more.
        }
    }
}

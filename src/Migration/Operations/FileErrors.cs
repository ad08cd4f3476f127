using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>What the file system refuses, as an error with an id and a remedy.</summary>
public static class FileErrors
{
    /// <summary>Does something with a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="use">What to do with it.</param>
    /// <exception cref="OperationException">The file system refused; the message has its reason.</exception>
    public static T Of<T>(string file, Func<T> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        try
        {
            return use();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperationException(
                nameof(SR.FileFailed),
                e is UnauthorizedAccessException ? OperationProblem.Access : OperationProblem.Reading,
                Text.Format(SR.FileFailed, file, e.Message),
                SR.FileFailedRemedy,
                file);
        }
    }
}

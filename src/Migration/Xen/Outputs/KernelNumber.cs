using System.Globalization;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>Numbers that the kernel tells in files.</summary>
internal static class KernelNumber
{
    /// <summary>The numbers of a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.HypervisorCall"/>: it is not there; the device has gone.</exception>
    internal static long[] Read(string path)
    {
        try
        {
            return [.. File.ReadAllText(path).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall, $"{path} cannot be read: {error.Message.TrimEnd('.')}.", "See whether the device is still there.", path, error);
        }
    }
}

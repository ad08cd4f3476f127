namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// The outermost of the three nested formats that a stream starts with. Each contains the next; the names are those
/// that Xen's <c>verify-stream-v2 --format</c> takes.
/// </summary>
public enum XenStreamFormat
{
    /// <summary>A file of <c>xl save</c>: the xl header with the configuration, then the libxl stream.</summary>
    Xl,

    /// <summary>A libxl stream, version 2 (docs/specs/libxl-migration-stream.pandoc in Xen).</summary>
    Libxl,

    /// <summary>A libxc image, version 2 or 3 (docs/specs/libxc-migration-stream.pandoc in Xen).</summary>
    Libxc,
}

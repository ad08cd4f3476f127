namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// A Xen migration stream is malformed, truncated, over a limit, or would become illegal by what is written next.
/// The message names the record, its offset in the stream and what to do about it.
/// </summary>
public sealed class XenStreamException : Exception
{
    /// <summary>Creates an error that names no record. Present for the conventions of exception types.</summary>
    public XenStreamException()
        : this("unknown record", 0, "The stream is not a valid Xen migration stream.", "Save the domain again.")
    {
    }

    /// <summary>Creates an error with a ready text.</summary>
    /// <param name="message">The whole text.</param>
    public XenStreamException(string message)
        : base(message) => Record = "unknown record";

    /// <summary>Creates an error with a ready text and its cause.</summary>
    /// <param name="message">The whole text.</param>
    /// <param name="innerException">What caused it.</param>
    public XenStreamException(string message, Exception innerException)
        : base(message, innerException) => Record = "unknown record";

    /// <summary>Creates an error about one record.</summary>
    /// <param name="record">The record or header, by the name that the specifications of Xen give it.</param>
    /// <param name="offset">Offset in bytes, from the start of the stream, at which the record's header begins.</param>
    /// <param name="problem">One sentence: what is wrong.</param>
    /// <param name="remedy">One sentence: what an administrator does about it.</param>
    public XenStreamException(string record, long offset, string problem, string remedy)
        : base($"Xen migration stream, {record} at offset {offset} (0x{offset:x}): {problem} {remedy}")
    {
        Record = record;
        Offset = offset;
    }

    /// <summary>The record or header, by the name that the specifications of Xen give it, e.g. <c>PAGE_DATA</c>.</summary>
    public string Record { get; }

    /// <summary>Offset in bytes, from the start of the stream, at which the record's header begins.</summary>
    public long Offset { get; }
}

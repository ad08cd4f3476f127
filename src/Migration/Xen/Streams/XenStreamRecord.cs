namespace PreRecordMigration.Xen.Streams;

/// <summary>
/// A header or a record of a Xen migration stream. Each kind reads and writes its own body, so a format is described in
/// one place; <see cref="XenStreamReader"/> and <see cref="XenStreamWriter"/> do the framing and
/// <see cref="StreamGrammar"/> the order.
/// </summary>
/// <remarks>Equality of kinds that hold memory compares the reference to the memory, not its bytes.</remarks>
public abstract record XenStreamRecord
{
    private protected XenStreamRecord()
    {
    }

    /// <summary>The name that Xen's specifications use, e.g. <c>HVM_PARAMS</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Length of the body in bytes, without header and padding.</summary>
    internal abstract long BodyLength { get; }

    /// <summary>Writes exactly <see cref="BodyLength"/> bytes.</summary>
    internal abstract void WriteBody(StreamSink sink);
}

/// <summary>A record of a libxl stream.</summary>
public abstract record LibxlRecord : XenStreamRecord
{
    private protected LibxlRecord()
    {
    }

    /// <summary>The record's type.</summary>
    public abstract LibxlRecordType Type { get; }

    /// <inheritdoc/>
    public override string Name => LibxlRecordTable.Name(Type);
}

/// <summary>A record of a libxc image.</summary>
public abstract record LibxcRecord : XenStreamRecord
{
    private protected LibxcRecord()
    {
    }

    /// <summary>The record's type.</summary>
    public abstract LibxcRecordType Type { get; }

    /// <inheritdoc/>
    public override string Name => LibxcRecordTable.Name(Type);
}

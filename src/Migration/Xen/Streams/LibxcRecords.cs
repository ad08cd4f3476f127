namespace PreRecordMigration.Xen.Streams;

/// <summary>A libxc record without content.</summary>
public abstract record EmptyLibxcRecord : LibxcRecord
{
    private protected EmptyLibxcRecord()
    {
    }

    internal override long BodyLength => 0;

    internal override void WriteBody(StreamSink sink)
    {
    }
}

/// <summary>END of the libxc image.</summary>
public sealed record LibxcEndRecord : EmptyLibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.End;
}

/// <summary>STATIC_DATA_END: what follows depends on the guest's execution.</summary>
public sealed record StaticDataEndRecord : EmptyLibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.StaticDataEnd;
}

/// <summary>VERIFY: memory records from here on repeat memory for comparison.</summary>
public sealed record VerifyRecord : EmptyLibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.Verify;
}

/// <summary>CHECKPOINT: the records so far are a consistent view of the domain.</summary>
public sealed record CheckpointRecord : EmptyLibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.Checkpoint;
}

/// <summary>X86_TSC_INFO: the domain's time-stamp counter (XEN_DOMCTL_gettscinfo).</summary>
/// <param name="Mode">TSC_MODE_*: 0 default, 1 always emulate, 2 never emulate (native).</param>
/// <param name="Khz">Frequency in kHz.</param>
/// <param name="Nanoseconds">Time elapsed in the domain, in nanoseconds.</param>
/// <param name="Incarnation">How often the domain was restored.</param>
public sealed record X86TscInfoRecord(uint Mode, uint Khz, ulong Nanoseconds, uint Incarnation) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.X86TscInfo;

    internal override long BodyLength => 24;

    internal static X86TscInfoRecord Read(ref BodyReader body)
    {
        X86TscInfoRecord record = new(body.U32(), body.U32(), body.U64(), body.U32());
        body.Reserved(4);
        body.End();
        return record;
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32(Mode);
        sink.U32(Khz);
        sink.U64(Nanoseconds);
        sink.U32(Incarnation);
        sink.U32(0);
    }
}

/// <summary>One parameter of an HVM or PVH domain.</summary>
/// <param name="Index">HVM_PARAM_* of Xen's public/hvm/params.h.</param>
/// <param name="Value">Its value.</param>
public readonly record struct HvmParameter(ulong Index, ulong Value);

/// <summary>
/// HVM_PARAMS. The restorer empties the console's, the xenstore's and the ioreq pages when it meets their parameters, so
/// contents of those pages must come before this record and not after it.
/// </summary>
/// <param name="Parameters">The parameters, in the order of the stream.</param>
public sealed record HvmParamsRecord(IReadOnlyList<HvmParameter> Parameters) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.HvmParams;

    internal override long BodyLength => 8 + (16L * Parameters.Count);

    internal static HvmParamsRecord Read(ref BodyReader body)
    {
        uint count = body.U32();
        body.Reserved(4);
        if (body.Remaining != count * 16L)
        {
            throw body.Malformed($"It announces {count} parameters and has {body.Remaining} bytes for them.");
        }

        HvmParameter[] parameters = new HvmParameter[count];
        for (int i = 0; i < parameters.Length; i++)
        {
            parameters[i] = new HvmParameter(body.U64(), body.U64());
        }

        return new HvmParamsRecord(parameters);
    }

    internal override void WriteBody(StreamSink sink)
    {
        sink.U32((uint)Parameters.Count);
        sink.U32(0);
        foreach (HvmParameter parameter in Parameters)
        {
            sink.U64(parameter.Index);
            sink.U64(parameter.Value);
        }
    }
}

/// <summary>A libxc record whose whole body is one block of bytes.</summary>
/// <param name="Data">The block.</param>
public abstract record BlobLibxcRecord(ReadOnlyMemory<byte> Data) : LibxcRecord
{
    internal override long BodyLength => Data.Length;

    internal override void WriteBody(StreamSink sink) => sink.Bytes(Data.Span);

    private protected static ReadOnlyMemory<byte> ReadArray(ref BodyReader body, int elementLength)
    {
        if (body.Remaining == 0 || body.Remaining % elementLength != 0)
        {
            throw body.Malformed($"Its length of {body.Remaining} bytes is not a positive multiple of {elementLength}.");
        }

        return body.Rest();
    }
}

/// <summary>HVM_CONTEXT: what xc_domain_hvm_getcontext returned; <see cref="HvmContext"/> takes it apart.</summary>
/// <param name="Data">The block.</param>
public sealed record HvmContextRecord(ReadOnlyMemory<byte> Data) : BlobLibxcRecord(Data)
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.HvmContext;

    internal static HvmContextRecord Read(ref BodyReader body) => body.Remaining == 0
        ? throw body.Malformed("It is empty.")
        : new HvmContextRecord(body.Rest());
}

/// <summary>X86_CPUID_POLICY: an array of xen_cpuid_leaf_t (xc_cpu_policy_serialise).</summary>
/// <param name="Data">The array.</param>
public sealed record X86CpuidPolicyRecord(ReadOnlyMemory<byte> Data) : BlobLibxcRecord(Data)
{
    /// <summary>Bytes of one leaf: leaf, subleaf, a, b, c, d.</summary>
    public const int LeafLength = 24;

    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.X86CpuidPolicy;

    internal static X86CpuidPolicyRecord Read(ref BodyReader body) => new(ReadArray(ref body, LeafLength));
}

/// <summary>X86_MSR_POLICY: an array of xen_msr_entry_t (xc_cpu_policy_serialise).</summary>
/// <param name="Data">The array.</param>
public sealed record X86MsrPolicyRecord(ReadOnlyMemory<byte> Data) : BlobLibxcRecord(Data)
{
    /// <summary>Bytes of one entry: index, flags, value.</summary>
    public const int EntryLength = 16;

    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.X86MsrPolicy;

    internal static X86MsrPolicyRecord Read(ref BodyReader body) => new(ReadArray(ref body, EntryLength));
}

/// <summary>CHECKPOINT_DIRTY_PFN_LIST of a checkpointed stream's back channel.</summary>
/// <param name="Frames">Page frame numbers, in no order.</param>
public sealed record CheckpointDirtyPfnListRecord(IReadOnlyList<ulong> Frames) : LibxcRecord
{
    /// <inheritdoc/>
    public override LibxcRecordType Type => LibxcRecordType.CheckpointDirtyPfnList;

    internal override long BodyLength => 8L * Frames.Count;

    internal static CheckpointDirtyPfnListRecord Read(ref BodyReader body) =>
        new(X86PvP2mFramesRecord.ReadFrames(ref body));

    internal override void WriteBody(StreamSink sink)
    {
        foreach (ulong frame in Frames)
        {
            sink.U64(frame);
        }
    }
}

namespace PreRecordMigration.Simulated.Guest;

/// <summary>A vCPU's registers: all of a guest's state that is not in memory.</summary>
internal sealed class VcpuContext
{
    /// <summary>Bytes of a serialised context.</summary>
    public const int Size = 9 * sizeof(ulong);

    private long _operations;

    /// <summary>The program counter: operations done.</summary>
    public long Operations
    {
        get => Volatile.Read(ref _operations);
        set => Volatile.Write(ref _operations, value);
    }

    /// <summary>Wrong contents that the guest has seen.</summary>
    public long CheckErrors;

    public GuestRandom Random;

    public ulong Cr3;

    /// <summary>The process that runs.</summary>
    public int Process;

    /// <summary>When the workload switches to another process, in operations.</summary>
    public long SwitchAt;

    /// <summary>
    /// How often an access had to wait. Not a register: whoever holds a page while reaching for another must reach for both
    /// again if this changed, because traps may have been set meanwhile.
    /// </summary>
    public int Waits;

    /// <summary>Takes over another's registers; waits go on counting.</summary>
    public void CopyFrom(VcpuContext other)
    {
        (Operations, CheckErrors, Random) = (other.Operations, other.CheckErrors, other.Random);
        (Cr3, Process, SwitchAt) = (other.Cr3, other.Process, other.SwitchAt);
    }

    public void WriteTo(Span<byte> target)
    {
        Span<ulong> words = stackalloc ulong[]
        {
            (ulong)Operations, (ulong)CheckErrors, Random.S0, Random.S1, Random.S2, Random.S3, Cr3,
            (ulong)Process, (ulong)SwitchAt,
        };
        for (int i = 0; i < words.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(target[(i * sizeof(ulong))..], words[i]);
        }
    }

    /// <summary>Reads a context from outside; false where no vCPU of this layout could be in it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, GuestLayout layout, out VcpuContext context)
    {
        Span<ulong> words = stackalloc ulong[Size / sizeof(ulong)];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(source[(i * sizeof(ulong))..]);
        }

        bool isValid = words[0] <= long.MaxValue && words[1] <= long.MaxValue && words[8] <= long.MaxValue
            && words[7] < (ulong)layout.ProcessesPerVcpu;
        context = new VcpuContext
        {
            Operations = (long)(words[0] & long.MaxValue),
            CheckErrors = (long)(words[1] & long.MaxValue),
            Random = new GuestRandom { S0 = words[2], S1 = words[3], S2 = words[4], S3 = words[5] },
            Cr3 = words[6],
            Process = isValid ? (int)words[7] : 0,
            SwitchAt = (long)(words[8] & long.MaxValue),
        };
        return isValid;
    }
}

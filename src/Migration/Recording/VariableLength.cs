namespace PreRecordMigration.Recording;

/// <summary>Numbers in as few bytes as they need: seven bits a byte, the lowest first, the top bit set on all but the last.</summary>
internal static class VariableLength
{
    /// <summary>Bytes of the longest number, one of 64 bits.</summary>
    public const int MaximumSize = 10;

    /// <summary>Writes a number.</summary>
    /// <returns>How many bytes.</returns>
    public static int Write(Span<byte> target, ulong value)
    {
        int size = 0;
        for (; value >= 0x80; value >>= 7)
        {
            target[size++] = (byte)(value | 0x80);
        }

        target[size++] = (byte)value;
        return size;
    }

    /// <summary>Reads a number and moves past it.</summary>
    /// <returns>False where the bytes end too early, or are more than a number has.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(source.Length, MaximumSize); i++)
        {
            byte part = source[i];
            if (i == MaximumSize - 1 && part > 1)
            {
                return false;
            }

            value |= (ulong)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                source = source[(i + 1)..];
                return true;
            }
        }

        return false;
    }

    /// <summary>Maps signed numbers to unsigned ones so that small ones of either sign stay small.</summary>
    public static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    /// <summary>The inverse of <see cref="ZigZag"/>.</summary>
    public static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}

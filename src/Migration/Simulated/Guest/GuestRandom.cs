namespace PreRecordMigration.Simulated.Guest;

/// <summary>A guest's random numbers: xoshiro256** (Blackman and Vigna), seeded by SplitMix64. Its state travels.</summary>
internal struct GuestRandom
{
    public ulong S0;
    public ulong S1;
    public ulong S2;
    public ulong S3;

    public GuestRandom(ulong seed)
    {
        S0 = Mix(seed += Golden);
        S1 = Mix(seed += Golden);
        S2 = Mix(seed += Golden);
        S3 = Mix(seed + Golden);
    }

    public const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    /// <summary>SplitMix64's output function: a bijection that scatters every bit.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }

    public ulong Next()
    {
        ulong result = ulong.RotateLeft(S1 * 5, 7) * 9;
        ulong shifted = S1 << 17;
        S2 ^= S0;
        S3 ^= S1;
        S1 ^= S2;
        S0 ^= S3;
        S2 ^= shifted;
        S3 = ulong.RotateLeft(S3, 45);
        return result;
    }

    /// <summary>A number from 0 to <paramref name="bound"/> − 1, by multiplication (its bias is below bound ÷ 2⁶⁴).</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);
}

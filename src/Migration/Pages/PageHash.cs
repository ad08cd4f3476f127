using System.Numerics;
using System.Runtime.InteropServices;

namespace PreRecordMigration.Pages;

/// <summary>The 128-bit hash of a page's content, by which a rollback is proved while the domain stands still.</summary>
/// <remarks>
/// Not cryptographic: it finds what a defect changes, not what an adversary constructs. A change of one 64-bit word always
/// shows, because every step is a bijection; any other change goes unseen with a chance of about 2⁻¹²⁸. Four lanes keep a
/// processor's multiplier busy: the hash runs at the speed of memory, where SHA-256 would multiply the pause. Why it is not
/// XxHash128 of a package: docs/costs.md.
/// </remarks>
/// <param name="High">The upper half.</param>
/// <param name="Low">The lower half.</param>
public readonly record struct PageHash(ulong High, ulong Low)
{
    // Odd, with bits set all over: the golden ratio's fraction and three primes near 2⁶⁴.
    private const ulong K0 = 0x9E3779B97F4A7C15;
    private const ulong K1 = 0xC2B2AE3D27D4EB4F;
    private const ulong K2 = 0x165667B19E3779F9;
    private const ulong K3 = 0xD6E8FEB86659FD93;

    /// <summary>Hashes a page.</summary>
    /// <param name="content"><see cref="Page.Size"/> bytes.</param>
    public static PageHash Of(ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(content.Length, Page.Size, nameof(content));
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
        (ulong a, ulong b, ulong c, ulong d) = (K0, K1, K2, K3);
        for (int i = 0; i + 3 < words.Length; i += 4)
        {
            a = Step(a, words[i], K0);
            b = Step(b, words[i + 1], K1);
            c = Step(c, words[i + 2], K2);
            d = Step(d, words[i + 3], K3);
        }

        return new PageHash(
            Mix(a ^ BitOperations.RotateLeft(b, 21)) + Mix(c ^ BitOperations.RotateLeft(d, 43)),
            Mix(a ^ BitOperations.RotateLeft(c, 29)) + Mix(b ^ BitOperations.RotateLeft(d, 11)));
    }

    private static ulong Step(ulong lane, ulong word, ulong multiplier) =>
        BitOperations.RotateLeft((lane ^ word) * multiplier, 31);

    /// <summary>Lets every bit of the input reach every bit of the output.</summary>
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 32)) * K3;
        value = (value ^ (value >> 29)) * K1;
        return value ^ (value >> 32);
    }
}

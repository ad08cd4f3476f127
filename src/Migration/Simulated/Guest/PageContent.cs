using System.Numerics;
using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>
/// What stands in a guest's data page: 512 words, each determined by whose page it is and how often it was written, so
/// that any wrong byte shows, and a page that is right but stale shows as well. They may repeat within the page, as what real guests have does.
/// </summary>
internal static class PageContent
{
    /// <summary>The shortest time in which a content may repeat, in bytes: no processor's vector is longer.</summary>
    public const int ShortestPeriod = 64;

    private static readonly Vector<ulong> s_lanes = CreateLanes();

    /// <summary>The first word of a page's content; the rest follows from it.</summary>
    /// <param name="seed">The domain's seed.</param>
    /// <param name="owner">The process that owns the page, or −1 for the kernel.</param>
    /// <param name="page">The page's index in the owner's data.</param>
    /// <param name="generation">How often the page was written.</param>
    public static ulong Key(ulong seed, int owner, int page, ulong generation) =>
        GuestRandom.Mix(GuestRandom.Mix(seed ^ ((ulong)(uint)owner << 32) ^ (uint)page) + (generation * GuestRandom.Golden));

    /// <summary>Writes a page's content.</summary>
    /// <param name="page">The page.</param>
    /// <param name="key">Its first word.</param>
    /// <param name="period">Bytes after which it repeats: a power of two, and a page's size where it does not.</param>
    public static void Fill(Span<byte> page, ulong key, int period)
    {
        Span<Vector<ulong>> words = MemoryMarshal.Cast<byte, Vector<ulong>>(page[..Page.Size]);
        int repeating = period / (Vector<ulong>.Count * sizeof(ulong));
        Vector<ulong> value = new Vector<ulong>(key) + s_lanes;
        Vector<ulong> step = new(unchecked(GuestRandom.Golden * (ulong)Vector<ulong>.Count));
        for (int i = 0; i < repeating; i++)
        {
            words[i] = value;
            value += step;
        }

        for (int i = repeating; i < words.Length; i++)
        {
            words[i] = words[i - repeating];
        }
    }

    /// <summary>Whether a page has that content.</summary>
    /// <inheritdoc cref="Fill"/>
    public static bool Matches(ReadOnlySpan<byte> page, ulong key, int period)
    {
        ReadOnlySpan<Vector<ulong>> words = MemoryMarshal.Cast<byte, Vector<ulong>>(page[..Page.Size]);
        Vector<ulong> value = new Vector<ulong>(key) + s_lanes;
        Vector<ulong> step = new(unchecked(GuestRandom.Golden * (ulong)Vector<ulong>.Count));
        int repeating = period / (Vector<ulong>.Count * sizeof(ulong));
        Vector<ulong> difference = Vector<ulong>.Zero;
        for (int i = 0; i < repeating; i++)
        {
            difference |= words[i] ^ value;
            value += step;
        }

        for (int i = repeating; i < words.Length; i++)
        {
            difference |= words[i] ^ words[i - repeating];
        }

        return difference == Vector<ulong>.Zero;
    }

    private static Vector<ulong> CreateLanes()
    {
        Span<ulong> lanes = stackalloc ulong[Vector<ulong>.Count];
        for (int i = 0; i < lanes.Length; i++)
        {
            lanes[i] = unchecked(GuestRandom.Golden * (ulong)i);
        }

        return new Vector<ulong>(lanes);
    }
}

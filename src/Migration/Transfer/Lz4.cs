using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;

namespace PreRecordMigration.Transfer;

/// <summary>LZ4, in blocks without a frame (docs/protocol.md). Nothing is allocated for a block.</summary>
/// <remarks>What calls the library is compiled for itself: where there is none, only that fails.</remarks>
internal static class Lz4
{
    /// <summary>
    /// Whether this process can compress. A session may have loaded an assembly of the same name in another version before this module, or miss it:
    /// migrations then go as between hosts of which one cannot.
    /// </summary>
    public static bool IsAvailable { get; } = IsLoaded();

    /// <summary>Compresses.</summary>
    /// <param name="plain">What is compressed, at least a byte.</param>
    /// <param name="block">Where to.</param>
    /// <returns>The block's length; negative where there is not room enough for it.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Compress(ReadOnlySpan<byte> plain, Span<byte> block) => LZ4Codec.Encode(plain, block, LZ4Level.L00_FAST);

    /// <summary>Decompresses a block that anybody may have made.</summary>
    /// <returns>Whether it is one, of exactly that many bytes. What lies in <paramref name="plain"/> is undefined otherwise.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool TryDecompress(ReadOnlySpan<byte> block, Span<byte> plain) => LZ4Codec.Decode(block, plain) == plain.Length;

    private static bool IsLoaded()
    {
        try
        {
            return IsSound();
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or TypeLoadException or TypeInitializationException or MissingMemberException)
        {
            return false;
        }
    }

    private static bool IsSound()
    {
        ReadOnlySpan<byte> plain = stackalloc byte[64];
        Span<byte> block = stackalloc byte[64];
        int length = Compress(plain, block);
        return length > 0 && TryDecompress(block[..length], stackalloc byte[64]);
    }
}

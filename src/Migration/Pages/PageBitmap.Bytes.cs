using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace PreRecordMigration.Pages;

/// <content>The map as bytes, as it travels and is kept.</content>
public sealed partial class PageBitmap
{
    /// <summary>How many bytes <see cref="ToBytes"/> makes of a map over so many pages.</summary>
    public static int ByteCount(int pageCount) => (int)((pageCount + 7L) / 8);

    /// <summary>The map as bytes: bit n of byte k is page 8k + n.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[ByteCount(PageCount)];
        CopyBytes(0, bytes);
        return bytes;
    }

    /// <summary>Copies a part of what <see cref="ToBytes"/> makes.</summary>
    /// <param name="first">The first pfn, a multiple of 8.</param>
    /// <param name="bytes">Where to; it is filled.</param>
    internal void CopyBytes(int first, Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int k = (first / 8) + i;
            bytes[i] = (byte)(WordAt(k / sizeof(ulong)) >> (k % sizeof(ulong) * 8));
        }
    }

    /// <summary>Sets the bits that a part of what <see cref="ToBytes"/> makes has set. Not atomic.</summary>
    /// <param name="first">The first pfn, a multiple of 8.</param>
    /// <param name="bytes">The bytes.</param>
    /// <returns>False where they have a page beyond the last.</returns>
    internal bool OrBytes(int first, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int k = (first / 8) + i;
            if (bytes[i] != 0)
            {
                if ((8L * k) + BitOperations.Log2(bytes[i]) >= PageCount)
                {
                    return false;
                }

                Own(k / sizeof(ulong)) |= (ulong)bytes[i] << (k % sizeof(ulong) * 8);
            }
        }

        return true;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <returns>False where the bytes are too few or too many, or have a page beyond the last.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, int pageCount, [NotNullWhen(true)] out PageBitmap? pages)
    {
        pages = new PageBitmap(pageCount);
        bool isExact = bytes.Length == ByteCount(pageCount);
        for (int i = 0; isExact && i < bytes.Length; i++)
        {
            if (bytes[i] != 0)
            {
                pages.Own(i / sizeof(ulong)) |= (ulong)bytes[i] << (i % sizeof(ulong) * 8);
            }

            isExact = i < bytes.Length - 1 || (pageCount & 7) == 0 || bytes[i] >> (pageCount & 7) == 0;
        }

        return isExact;
    }
}

using System.Runtime.InteropServices;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Fuzz;

/// <summary>
/// Memory behind which is none: code without bounds of its own that reads or writes beyond its end ends the process, instead of finding something
/// there. It lives as long as the process. One thread.
/// </summary>
internal sealed unsafe partial class MemoryWithEnd
{
    private const int Length = 32 << 10;
    private const int None = 0;
    private const int ReadWrite = 1 | 2;
    private const int PrivateAnonymous = 0x02 | 0x20;
    private static readonly void* s_failed = (void*)-1;
    private readonly byte* _end;

    public MemoryWithEnd()
    {
        byte* start = (byte*)Map(null, Length + Page.Size, ReadWrite, PrivateAnonymous, -1, 0);
        _end = start + Length;
        if (start == s_failed || Protect(_end, Page.Size, None) != 0)
        {
            throw new InvalidOperationException("There is no memory with an end.");
        }
    }

    /// <summary>So many bytes, of which the last is the last that there is.</summary>
    public Span<byte> OfLength(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        return new Span<byte>(_end - length, length);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);
}

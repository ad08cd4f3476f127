using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace PreRecordMigration.Fuzz;

/// <summary>Which ways through the engine were taken, as SharpFuzz's instrumentation counts them: edges, each by how often it was taken.</summary>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16;
    private static readonly byte* s_counts = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly byte[] _seen = new byte[Size];

    /// <summary>Has the engine count in this process' map. Call it before anything of the engine is used.</summary>
    public static void Attach() => Trace.SharedMem = s_counts;

    /// <summary>How many edges were taken so far, by any input.</summary>
    public int Edges => _seen.AsSpan().Length - _seen.AsSpan().Count((byte)0);

    /// <summary>Begins an input.</summary>
    public static void Begin()
    {
        new Span<byte>(s_counts, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Ends an input.</summary>
    /// <returns>Whether it took an edge that no other has taken, or has taken so often.</returns>
    public bool End()
    {
        bool isNew = false;
        ReadOnlySpan<byte> counts = new(s_counts, Size);
        for (int next = counts.IndexOfAnyExcept((byte)0); next >= 0;)
        {
            byte kind = Kind(counts[next]);
            isNew |= (_seen[next] & kind) == 0;
            _seen[next] |= kind;
            int skip = counts[(next + 1)..].IndexOfAnyExcept((byte)0);
            next = skip < 0 ? -1 : next + 1 + skip;
        }

        return isNew;
    }

    /// <summary>Forgets what was seen.</summary>
    public void Forget() => _seen.AsSpan().Clear();

    /// <summary>Puts counts into classes (once, twice, three times, up to seven, and so on), so that a loop which goes on a little longer
    /// is nothing new.</summary>
    private static byte Kind(byte count) => count switch
    {
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}

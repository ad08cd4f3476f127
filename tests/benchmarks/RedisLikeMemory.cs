using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// Memory as that of a guest with a key-value store of JSON values, page by page as an allocator with a size class a page leaves it: entries of a
/// table and headers of objects (pointers into one arena), keys, values with a random token each, pages that are compressed already, and free
/// pages of zeros. The shares are a choice of this benchmark, not a measurement of a guest.
/// </summary>
internal static class RedisLikeMemory
{
    private const ulong Arena = 0x7F3A_4C00_0000;
    private const int ArenaBytes = 128 << 20;
    private static readonly string[] s_names = ["anna", "boris", "chloe", "dmitri", "elena", "farid", "greta", "hugo"];

    /// <summary>Fills memory; the same for the same length.</summary>
    public static void Fill(Span<byte> memory)
    {
        Random random = new(7);
        for (int i = 0; i < memory.Length / Page.Size; i++)
        {
            Span<byte> page = Page.At(memory, i);
            page.Clear();
            switch (random.Next(100))
            {
                case < 10:
                    break;
                case < 20:
                    random.NextBytes(page);
                    break;
                case < 33:
                    FillSlots(page, 24, slot => Entry(slot, random));
                    break;
                case < 43:
                    FillSlots(page, 16, slot => Header(slot, random));
                    break;
                case < 55:
                    FillSlots(page, 32, slot => Put(slot, $"\u0015user:{random.Next(10_000_000):00000000}:profile"));
                    break;
                default:
                    FillSlots(page, 192, slot => Put(slot, Value(random)));
                    break;
            }
        }
    }

    private delegate void Filling(Span<byte> slot);

    private static void FillSlots(Span<byte> page, int size, Filling fill)
    {
        for (int at = 0; at + size <= page.Length; at += size)
        {
            fill(page.Slice(at, size));
        }
    }

    private static void Entry(Span<byte> slot, Random random)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(slot, Pointer(random));
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], Pointer(random));
        BinaryPrimitives.WriteUInt64LittleEndian(slot[16..], random.Next(4) == 0 ? Pointer(random) : 0);
    }

    private static void Header(Span<byte> slot, Random random)
    {
        BinaryPrimitives.WriteInt32LittleEndian(slot, 0x00A4_1200 | random.Next(256));
        BinaryPrimitives.WriteInt32LittleEndian(slot[4..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], Pointer(random));
    }

    private static ulong Pointer(Random random) => Arena + ((ulong)random.Next(ArenaBytes / 8) * 8);

    private static string Value(Random random)
    {
        int id = random.Next(10_000_000);
        string name = s_names[random.Next(s_names.Length)];
        Span<byte> token = stackalloc byte[16];
        random.NextBytes(token);
        return string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"id":{{id}},"name":"{{name}}","mail":"{{name}}.{{id}}@example.com","token":"{{Convert.ToHexStringLower(token)}}","seen":{{1_730_000_000 + random.Next(3_000_000)}},"visits":{{random.Next(1000)}}}""");
    }

    private static void Put(Span<byte> slot, string text) => Encoding.ASCII.GetBytes(text.AsSpan(0, Math.Min(text.Length, slot.Length)), slot);
}

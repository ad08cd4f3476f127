using System.Buffers.Binary;
using System.Text;

namespace PreRecordMigration.Tests.Xen.Native;

/// <summary>Reads what `nm -D` shows as T from a 64-bit little-endian ELF library, so that the test needs no binutils.</summary>
internal static class ElfSymbols
{
    private const uint DynamicSymbols = 11;
    private const int SymbolSize = 24;
    private const int FunctionType = 2;
    private const int GlobalBinding = 1;

    internal static string[] ReadDefinedFunctions(ReadOnlySpan<byte> file)
    {
        long sections = BinaryPrimitives.ReadInt64LittleEndian(file[0x28..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3A..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[0x3C..]);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> section = file.Slice((int)sections + (i * entrySize), entrySize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) == DynamicSymbols)
            {
                int strings = BinaryPrimitives.ReadInt32LittleEndian(section[0x28..]);
                ReadOnlySpan<byte> names = Content(file, file.Slice((int)sections + (strings * entrySize), entrySize));
                return Functions(Content(file, section), names);
            }
        }

        throw new InvalidDataException("The library has no dynamic symbols.");
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, ReadOnlySpan<byte> section) => file.Slice(
        (int)BinaryPrimitives.ReadInt64LittleEndian(section[0x18..]), (int)BinaryPrimitives.ReadInt64LittleEndian(section[0x20..]));

    private static string[] Functions(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> names)
    {
        List<string> found = [];
        for (int offset = 0; offset < symbols.Length; offset += SymbolSize)
        {
            ReadOnlySpan<byte> symbol = symbols.Slice(offset, SymbolSize);
            bool isDefined = BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]) != 0;
            if (isDefined && (symbol[4] & 0xF) == FunctionType && symbol[4] >> 4 == GlobalBinding)
            {
                ReadOnlySpan<byte> name = names[BinaryPrimitives.ReadInt32LittleEndian(symbol)..];
                found.Add(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]));
            }
        }

        found.Sort(StringComparer.Ordinal);
        return [.. found];
    }
}

namespace PreRecordMigration.Fuzz;

/// <summary>Changes inputs, always in the same way for the same seed.</summary>
/// <param name="seed">Decides every change.</param>
/// <param name="longest">Most bytes of an input.</param>
/// <param name="words">Pieces that are put in as they are.</param>
internal sealed class Mutator(ulong seed, int longest, IReadOnlyList<byte[]> words)
{
    private static readonly long[] s_interesting =
    [
        0, 1, -1, 2, 7, 8, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 32767, 32768, 65535, 65536,
        1 << 20, 4 << 20, 16 << 20, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 52, long.MaxValue, long.MinValue,
    ];

    private ulong _state = seed;

    /// <summary>A number below another one.</summary>
    public int Next(int bound)
    {
        // SplitMix64.
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)((z ^ (z >> 31)) % (ulong)bound);
    }

    /// <summary>Makes a new input of another one by a few changes.</summary>
    /// <param name="input">The input to change.</param>
    /// <param name="other">An input of which pieces may be put in.</param>
    public byte[] Change(byte[] input, byte[] other)
    {
        List<byte> bytes = [.. input];
        for (int changes = 1 << Next(5); changes > 0; changes--)
        {
            ChangeOnce(bytes, other);
        }

        return bytes.Count <= longest ? [.. bytes] : [.. bytes.GetRange(0, longest)];
    }

    private void ChangeOnce(List<byte> bytes, byte[] other)
    {
        int at = bytes.Count == 0 ? 0 : Next(bytes.Count);
        int run = Math.Min(1 + Next(1 << Next(10)), bytes.Count - at);
        switch (Next(10))
        {
            case 0 when bytes.Count > 0:
                bytes[at] ^= (byte)(1 << Next(8));
                break;
            case 1 when bytes.Count > 0:
                bytes[at] = (byte)Next(256);
                break;
            case 2 when bytes.Count > 0:
                bytes[at] = (byte)(bytes[at] + Next(71) - 35);
                break;
            case 3:
                PutNumber(bytes, at);
                break;
            case 4 when bytes.Count > 0:
                bytes.RemoveRange(at, run);
                break;
            case 5 when bytes.Count > 0:
                bytes.InsertRange(Next(bytes.Count + 1), bytes.GetRange(at, run));
                break;
            case 6 when other.Length > 0:
                int from = Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(1 + Next(1 << Next(10)), other.Length - from)).ToArray());
                break;
            case 7 when other.Length > 0:
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.AsSpan(Math.Min(at, other.Length)).ToArray());
                break;
            case 8 when words.Count > 0:
                bytes.InsertRange(at, words[Next(words.Count)]);
                break;
            default:
                bytes.InsertRange(at, Enumerable.Range(0, 1 + Next(16)).Select(_ => (byte)Next(256)).ToArray());
                break;
        }
    }

    private void PutNumber(List<byte> bytes, int at)
    {
        byte[] number = BitConverter.GetBytes(s_interesting[Next(s_interesting.Length)]);
        int size = 1 << Next(4);
        for (int i = 0; i < size && at + i < bytes.Count; i++)
        {
            bytes[at + i] = number[i];
        }
    }
}

using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>
/// What a device emulator (QEMU) carries of an HVM domain: the content of the core state's section
/// <see cref="CoreStates.CoreStateKind.Devices"/>. Neither half is looked into: they become libxl's EMULATOR_CONTEXT and
/// EMULATOR_XENSTORE_DATA.
/// </summary>
/// <param name="Context">The emulated devices, as QEMU's xen-save-devices-state writes them.</param>
/// <param name="Store">The emulator's own nodes in XenStore: zero-terminated texts in pairs of key and value, keys relative
/// to the emulator's place; empty where it has none.</param>
public sealed record EmulatorState(ReadOnlyMemory<byte> Context, ReadOnlyMemory<byte> Store)
{
    /// <summary>Most bytes of <see cref="Context"/>. A headless QEMU has some ten kilobytes of it.</summary>
    public const int LargestContext = 3 << 20;

    /// <summary>Most bytes of <see cref="Store"/>.</summary>
    public const int LargestStore = 64 << 10;

    /// <summary>The part of the emulator's place in XenStore that migrates: what it mapped where.</summary>
    internal const string StoreRoot = "physmap";

    private static readonly Regex s_key = new(
        @"\Aphysmap/[0-9a-f]{1,16}/(start_addr|size|name)\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly Regex s_value = new(@"\A[ -~]{0,256}\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    /// <summary>The section as it travels: each half behind its length, the context first.</summary>
    public byte[] Serialise()
    {
        byte[] section = new byte[(2 * sizeof(uint)) + Context.Length + Store.Length];
        BinaryPrimitives.WriteInt32LittleEndian(section, Context.Length);
        Context.Span.CopyTo(section.AsSpan(sizeof(uint)));
        BinaryPrimitives.WriteInt32LittleEndian(section.AsSpan(sizeof(uint) + Context.Length), Store.Length);
        Store.Span.CopyTo(section.AsSpan((2 * sizeof(uint)) + Context.Length));
        return section;
    }

    /// <summary>Reads the section that a peer sent.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: a half is too long, is no state
    /// of a QEMU, or names nodes that are not the emulator's.</exception>
    public static EmulatorState Parse(ReadOnlyMemory<byte> section)
    {
        XenRecordReader reader = new(section, "device section");
        ReadOnlyMemory<byte> context = reader.Block(LargestContext, "emulator's state");
        ReadOnlyMemory<byte> store = reader.Block(LargestStore, "emulator's XenStore data");
        reader.End();
        if (!IsContext(context.Span))
        {
            throw reader.Malformed("the emulator's state does not begin with QEVM");
        }

        return IsStore(store.Span)
            ? new EmulatorState(context, store)
            : throw reader.Malformed($"the emulator's XenStore data are no pairs of texts, or a key is not below {StoreRoot}/");
    }

    /// <summary>Whether bytes begin as a state that QEMU wrote.</summary>
    internal static bool IsContext(ReadOnlySpan<byte> bytes) => bytes.StartsWith("QEVM"u8);

    private static bool IsStore(ReadOnlySpan<byte> rest)
    {
        for (bool isKey = true; !rest.IsEmpty || !isKey; isKey = !isKey)
        {
            int end = rest.IndexOf((byte)0);
            if (end < 0 || !(isKey ? s_key : s_value).IsMatch(Encoding.Latin1.GetString(rest[..end])))
            {
                return false;
            }

            rest = rest[(end + 1)..];
        }

        return true;
    }
}

using System.Buffers.Binary;

namespace PreRecordMigration.Xen.Pv;

/// <summary>What a 64-bit PV guest says of its p2m in its shared information page (struct arch_shared_info), and of its rings
/// in its start information (struct start_info). The offsets are checked against Xen's headers in native/interop/src/layout.c.</summary>
internal static class PvSharedInfo
{
    private const int P2mCr3 = 3112;
    private const int P2mAddress = 3120;
    private const int StorePage = 56;
    private const int ConsolePage = 72;

    /// <summary>The root of the page tables under which the p2m lies; 0 where the guest does not say.</summary>
    internal static ulong P2mCr3Of(ReadOnlySpan<byte> sharedInfo) =>
        BinaryPrimitives.ReadUInt64LittleEndian(sharedInfo[P2mCr3..]);

    /// <summary>The p2m's virtual address.</summary>
    internal static ulong P2mAddressOf(ReadOnlySpan<byte> sharedInfo) =>
        BinaryPrimitives.ReadUInt64LittleEndian(sharedInfo[P2mAddress..]);

    /// <summary>The pages of the xenstore and console rings; a suspended guest names them by page frame number.</summary>
    internal static IEnumerable<ulong> RingPagesOf(ReadOnlySpan<byte> startInfo) =>
    [
        BinaryPrimitives.ReadUInt64LittleEndian(startInfo[StorePage..]),
        BinaryPrimitives.ReadUInt64LittleEndian(startInfo[ConsolePage..]),
    ];
}

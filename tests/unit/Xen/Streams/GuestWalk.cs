using System.Buffers.Binary;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Tests.Xen.Streams;

/// <summary>Follows one linear address through a vCPU's four-level page tables.</summary>
internal static class GuestWalk
{
    /// <summary>Frames of the page tables on the way, the top one first; ends at a missing page or a leaf.</summary>
    public static IReadOnlyList<long> Tables(HvmVcpu vcpu, ulong address, Func<long, byte[]?> page)
    {
        List<long> tables = [];
        long frame = vcpu.PageTableFrame;
        for (int shift = 39; shift >= 12; shift -= 9)
        {
            if (page(frame) is not { } table)
            {
                break;
            }

            tables.Add(frame);
            int index = (int)(address >> shift) & 511;
            ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(index * 8));
            bool present = (entry & 1) != 0;
            bool large = (entry & 0x80) != 0;
            if (!present || large)
            {
                break;
            }

            frame = (long)((entry & 0x000f_ffff_ffff_f000) >> 12);
        }

        return tables;
    }
}

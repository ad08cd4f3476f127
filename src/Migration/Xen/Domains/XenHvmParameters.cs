using PreRecordMigration.Pages;

namespace PreRecordMigration.Xen.Domains;

/// <summary>The HVM parameters that matter to a migration (Xen's public/hvm/params.h).</summary>
public static class XenHvmParameters
{
    /// <summary>HVM_PARAM_STORE_PFN: the page of the xenstore ring.</summary>
    public const uint StorePfn = 1;

    /// <summary>HVM_PARAM_IOREQ_PFN.</summary>
    public const uint IoreqPfn = 5;

    /// <summary>HVM_PARAM_BUFIOREQ_PFN.</summary>
    public const uint BufioreqPfn = 6;

    /// <summary>HVM_PARAM_VIRIDIAN.</summary>
    public const uint Viridian = 9;

    /// <summary>HVM_PARAM_IDENT_PT: guest-physical address of an identity page table.</summary>
    public const uint IdentPt = 12;

    /// <summary>HVM_PARAM_CONSOLE_PFN: the page of the console ring.</summary>
    public const uint ConsolePfn = 17;

    /// <summary>HVM_PARAM_ACPI_IOPORTS_LOCATION.</summary>
    public const uint AcpiIoportsLocation = 19;

    /// <summary>HVM_PARAM_PAGING_RING_PFN: the page of the paging ring.</summary>
    public const uint PagingRingPfn = 27;

    /// <summary>HVM_PARAM_MONITOR_RING_PFN.</summary>
    public const uint MonitorRingPfn = 28;

    /// <summary>HVM_PARAM_SHARING_RING_PFN.</summary>
    public const uint SharingRingPfn = 29;

    /// <summary>HVM_PARAM_IOREQ_SERVER_PFN.</summary>
    public const uint IoreqServerPfn = 32;

    /// <summary>HVM_PARAM_NR_IOREQ_SERVER_PAGES.</summary>
    public const uint NrIoreqServerPages = 33;

    /// <summary>HVM_PARAM_VM_GENERATION_ID_ADDR.</summary>
    public const uint VmGenerationIdAddr = 34;

    /// <summary>HVM_PARAM_X87_FIP_WIDTH.</summary>
    public const uint X87FipWidth = 36;

    /// <summary>HVM_PARAM_VM86_TSS_SIZED.</summary>
    public const uint Vm86TssSized = 37;

    /// <summary>HVM_PARAM_MCA_CAP.</summary>
    public const uint McaCap = 38;

    /// <summary>The parameters that Xen's own saver carries, in its order; those of them that are not zero travel.</summary>
    public static IReadOnlyList<uint> Migrated { get; } =
    [
        StorePfn, IoreqPfn, BufioreqPfn, PagingRingPfn, MonitorRingPfn, SharingRingPfn, Vm86TssSized, ConsolePfn,
        AcpiIoportsLocation, Viridian, IdentPt, VmGenerationIdAddr, IoreqServerPfn, NrIoreqServerPages, X87FipWidth, McaCap,
    ];

    /// <summary>
    /// The page frames that a parameter names by address and that the hypervisor or the toolstack reads and writes while no
    /// fault can be served; none for most parameters.
    /// </summary>
    public static IEnumerable<ulong> AddressedFrames(uint index, ulong value)
    {
        (ulong address, ulong length) = index switch
        {
            IdentPt or VmGenerationIdAddr => (value, 1UL),
            Vm86TssSized => ((ulong)(uint)value, Math.Max(value >> 32, 1)), // the size stands above the address
            _ => (0UL, 0UL),
        };
        for (ulong frame = address / Page.Size; length > 0 && frame <= (address + length - 1) / Page.Size; frame++)
        {
            yield return frame;
        }
    }

    /// <summary>Parameters that name a page whose content does not migrate: the restorer empties it, or it is a ring of the
    /// hypervisor.</summary>
    public static IReadOnlyList<uint> Emptied { get; } =
        [StorePfn, ConsolePfn, IoreqPfn, BufioreqPfn, PagingRingPfn, MonitorRingPfn, SharingRingPfn];
}

namespace PreRecordMigration.Xen.Streams;

/// <summary>Record types of a libxc image. Source: docs/specs/libxc-migration-stream.pandoc, revision 3.</summary>
public enum LibxcRecordType : uint
{
    /// <summary>End of the image.</summary>
    End = 0x00,

    /// <summary>Page frame numbers with their types, and the contents of those that have one.</summary>
    PageData = 0x01,

    /// <summary>Width and page-table depth of a PV guest.</summary>
    X86PvInfo = 0x02,

    /// <summary>The frames of a PV guest's physical-to-machine table.</summary>
    X86PvP2mFrames = 0x03,

    /// <summary>A PV vCPU's registers (XEN_DOMCTL_getvcpucontext).</summary>
    X86PvVcpuBasic = 0x04,

    /// <summary>A PV vCPU's extended context (XEN_DOMCTL_get_ext_vcpucontext).</summary>
    X86PvVcpuExtended = 0x05,

    /// <summary>A PV vCPU's XSAVE area (XEN_DOMCTL_getvcpuextstate).</summary>
    X86PvVcpuXsave = 0x06,

    /// <summary>The shared info page of a PV guest.</summary>
    SharedInfo = 0x07,

    /// <summary>The domain's time-stamp counter.</summary>
    X86TscInfo = 0x08,

    /// <summary>The context of an HVM or PVH domain (XEN_DOMCTL_gethvmcontext).</summary>
    HvmContext = 0x09,

    /// <summary>Parameters of an HVM or PVH domain (HVMOP_get_param).</summary>
    HvmParams = 0x0a,

    /// <summary>Deprecated by Xen; refused.</summary>
    Toolstack = 0x0b,

    /// <summary>A PV vCPU's MSRs (XEN_DOMCTL_get_vcpu_msrs).</summary>
    X86PvVcpuMsrs = 0x0c,

    /// <summary>Marker: memory records from here on are for comparison.</summary>
    Verify = 0x0d,

    /// <summary>Marker: the records so far are a consistent view.</summary>
    Checkpoint = 0x0e,

    /// <summary>Page frame numbers of a checkpointed stream's back channel.</summary>
    CheckpointDirtyPfnList = 0x0f,

    /// <summary>Marker: end of what does not depend on the guest's execution (version 3).</summary>
    StaticDataEnd = 0x10,

    /// <summary>The domain's CPUID policy: an array of xen_cpuid_leaf_t, 24 bytes each (version 3).</summary>
    X86CpuidPolicy = 0x11,

    /// <summary>The domain's MSR policy: an array of xen_msr_entry_t, 16 bytes each (version 3).</summary>
    X86MsrPolicy = 0x12,
}

/// <summary>Record types of a libxl stream. Source: docs/specs/libxl-migration-stream.pandoc, revision 2.</summary>
public enum LibxlRecordType : uint
{
    /// <summary>End of the stream.</summary>
    End = 0x00,

    /// <summary>Marker: a libxc image follows.</summary>
    LibxcContext = 0x01,

    /// <summary>Xenstore keys and values of the device emulator.</summary>
    EmulatorXenstoreData = 0x02,

    /// <summary>State of the device emulator.</summary>
    EmulatorContext = 0x03,

    /// <summary>Marker: the end of a checkpoint; the libxc image goes on.</summary>
    CheckpointEnd = 0x04,

    /// <summary>Control word of a checkpointed stream's back channel.</summary>
    CheckpointState = 0x05,
}

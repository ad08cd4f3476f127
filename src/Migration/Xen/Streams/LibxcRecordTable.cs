namespace PreRecordMigration.Xen.Streams;

/// <summary>Names, limits and parsing of libxc records by their type.</summary>
internal static class LibxcRecordTable
{
    public static string Name(LibxcRecordType type) => type switch
    {
        LibxcRecordType.End => "END (libxc)",
        LibxcRecordType.PageData => "PAGE_DATA",
        LibxcRecordType.X86PvInfo => "X86_PV_INFO",
        LibxcRecordType.X86PvP2mFrames => "X86_PV_P2M_FRAMES",
        LibxcRecordType.X86PvVcpuBasic => "X86_PV_VCPU_BASIC",
        LibxcRecordType.X86PvVcpuExtended => "X86_PV_VCPU_EXTENDED",
        LibxcRecordType.X86PvVcpuXsave => "X86_PV_VCPU_XSAVE",
        LibxcRecordType.SharedInfo => "SHARED_INFO",
        LibxcRecordType.X86TscInfo => "X86_TSC_INFO",
        LibxcRecordType.HvmContext => "HVM_CONTEXT",
        LibxcRecordType.HvmParams => "HVM_PARAMS",
        LibxcRecordType.Toolstack => "TOOLSTACK",
        LibxcRecordType.X86PvVcpuMsrs => "X86_PV_VCPU_MSRS",
        LibxcRecordType.Verify => "VERIFY",
        LibxcRecordType.Checkpoint => "CHECKPOINT",
        LibxcRecordType.CheckpointDirtyPfnList => "CHECKPOINT_DIRTY_PFN_LIST",
        LibxcRecordType.StaticDataEnd => "STATIC_DATA_END",
        LibxcRecordType.X86CpuidPolicy => "X86_CPUID_POLICY",
        LibxcRecordType.X86MsrPolicy => "X86_MSR_POLICY",
        _ => $"libxc record 0x{(uint)type:x8}",
    };

    /// <summary>Whether the type can be read: all that the specification has but TOOLSTACK, which it deprecates.</summary>
    public static bool IsKnown(uint type) =>
        type <= (uint)LibxcRecordType.X86MsrPolicy && type != (uint)LibxcRecordType.Toolstack;

    public static int Limit(LibxcRecordType type, XenStreamLimits limits) => type switch
    {
        LibxcRecordType.PageData => limits.PageData,
        LibxcRecordType.X86PvP2mFrames or LibxcRecordType.CheckpointDirtyPfnList => limits.FrameList,
        _ => limits.Other,
    };

    /// <param name="type">A known type.</param>
    /// <param name="body">The body.</param>
    /// <param name="guestWidth">Bytes of a PV guest's word, from X86_PV_INFO.</param>
    public static LibxcRecord Read(LibxcRecordType type, ref BodyReader body, int guestWidth)
    {
        switch (type)
        {
            case LibxcRecordType.PageData:
                return PageDataRecord.Read(ref body);
            case LibxcRecordType.X86PvInfo:
                return X86PvInfoRecord.Read(ref body);
            case LibxcRecordType.X86PvP2mFrames:
                return X86PvP2mFramesRecord.Read(ref body, guestWidth);
            case LibxcRecordType.X86PvVcpuBasic:
            case LibxcRecordType.X86PvVcpuExtended:
            case LibxcRecordType.X86PvVcpuXsave:
            case LibxcRecordType.X86PvVcpuMsrs:
                return X86PvVcpuRecord.Read(type, ref body);
            case LibxcRecordType.SharedInfo:
                return SharedInfoRecord.Read(ref body);
            case LibxcRecordType.X86TscInfo:
                return X86TscInfoRecord.Read(ref body);
            case LibxcRecordType.HvmContext:
                return HvmContextRecord.Read(ref body);
            case LibxcRecordType.HvmParams:
                return HvmParamsRecord.Read(ref body);
            case LibxcRecordType.CheckpointDirtyPfnList:
                return CheckpointDirtyPfnListRecord.Read(ref body);
            case LibxcRecordType.X86CpuidPolicy:
                return X86CpuidPolicyRecord.Read(ref body);
            case LibxcRecordType.X86MsrPolicy:
                return X86MsrPolicyRecord.Read(ref body);
            default:
                body.End();
                return type switch
                {
                    LibxcRecordType.StaticDataEnd => new StaticDataEndRecord(),
                    LibxcRecordType.Verify => new VerifyRecord(),
                    LibxcRecordType.Checkpoint => new CheckpointRecord(),
                    _ => new LibxcEndRecord(),
                };
        }
    }
}

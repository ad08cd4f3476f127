namespace PreRecordMigration.Xen.Streams;

/// <summary>Names, limits and parsing of libxl records by their type.</summary>
internal static class LibxlRecordTable
{
    public static string Name(LibxlRecordType type) => type switch
    {
        LibxlRecordType.End => "END (libxl)",
        LibxlRecordType.LibxcContext => "LIBXC_CONTEXT",
        LibxlRecordType.EmulatorXenstoreData => "EMULATOR_XENSTORE_DATA",
        LibxlRecordType.EmulatorContext => "EMULATOR_CONTEXT",
        LibxlRecordType.CheckpointEnd => "CHECKPOINT_END",
        LibxlRecordType.CheckpointState => "CHECKPOINT_STATE",
        _ => $"libxl record 0x{(uint)type:x8}",
    };

    public static bool IsKnown(uint type) => type <= (uint)LibxlRecordType.CheckpointState;

    public static int Limit(LibxlRecordType type, XenStreamLimits limits) =>
        type == LibxlRecordType.EmulatorContext ? limits.EmulatorContext : limits.Other;

    public static LibxlRecord Read(LibxlRecordType type, ref BodyReader body)
    {
        switch (type)
        {
            case LibxlRecordType.EmulatorXenstoreData:
                return EmulatorXenstoreDataRecord.Read(ref body);
            case LibxlRecordType.EmulatorContext:
                return EmulatorContextRecord.Read(ref body);
            case LibxlRecordType.CheckpointState:
                return CheckpointStateRecord.Read(ref body);
            default:
                body.End();
                return type switch
                {
                    LibxlRecordType.LibxcContext => new LibxcContextRecord(),
                    LibxlRecordType.CheckpointEnd => new CheckpointEndRecord(),
                    _ => new LibxlEndRecord(),
                };
        }
    }
}

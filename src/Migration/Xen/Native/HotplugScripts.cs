namespace PreRecordMigration.Xen.Native;

/// <summary>Scripts in the toolstack's folder that attach a disk and do no more with what they are given than open it.</summary>
internal static class HotplugScripts
{
    /// <summary>The toolstack's own: a block device as it is, a file through a loop device.</summary>
    internal const string Block = "block";

    /// <summary>This module's, which puts a mapped device over either.</summary>
    internal const string Layer = "block-prerecord";
}

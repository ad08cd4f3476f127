using PreRecordMigration.Files;

namespace PreRecordMigration.Xen.Admission;

/// <summary>What a host has that the devices of domains need. Looks, and changes nothing; a look may take for ever.</summary>
internal interface IHostDevices
{
    /// <summary>What a plain absolute path leads to.</summary>
    FollowedFile Look(string path);

    /// <summary>The first bytes of a file or a block device; fewer where it has fewer, or may not be read.</summary>
    ReadOnlyMemory<byte> Head(string path, int count);

    /// <summary>Whether a name is that of an interface of the control domain.</summary>
    bool IsInterface(string name);

    /// <summary>Whether a name is that of a bridge of the kernel's.</summary>
    bool IsBridge(string name);

    /// <summary>Whether a domain of a name is there, which may be a backend.</summary>
    bool IsDomain(string name);
}

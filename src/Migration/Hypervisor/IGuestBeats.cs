namespace PreRecordMigration.Hypervisor;

/// <summary>A host on which something can be read of a domain that counts up while the guest works. It looks, and touches nothing.</summary>
public interface IGuestBeats
{
    /// <summary>What a domain's count is now; null where there is no such domain, or it counts nothing. Any thread may ask.</summary>
    /// <param name="id">The domain's number on this host.</param>
    /// <param name="key">On Xen a node below the domain's own part of XenStore, such as data/beat; a simulated host counts operations, whatever the key is.</param>
    string? ReadBeat(int id, string key);
}

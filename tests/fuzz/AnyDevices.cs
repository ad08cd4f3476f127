using PreRecordMigration.Files;
using PreRecordMigration.Xen.Admission;

namespace PreRecordMigration.Fuzz;

/// <summary>A host on which something or other stands at each path: what it is depends on the path, and a guest may have written it.</summary>
/// <param name="input">What stands in each file.</param>
internal sealed class AnyDevices(byte[] input) : IHostDevices
{
    public FollowedFile Look(string path) => new((FileKind)(path.Length % 7))
    {
        IsBlock = path.Length % 2 == 0,
        Bytes = input.Length,
        IsReadable = true,
        IsExecutable = path.Length % 3 == 0,
        IsWritable = path.Length % 5 == 0,
    };

    public ReadOnlyMemory<byte> Head(string path, int count) => input.AsMemory(0, Math.Min(count, input.Length));

    public bool IsInterface(string name) => name.Length % 2 == 0;

    public bool IsBridge(string name) => name.Length % 3 == 0;

    public bool IsDomain(string name) => name.Length % 2 == 0;
}

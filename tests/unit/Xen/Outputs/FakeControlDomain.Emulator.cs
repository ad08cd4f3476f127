using PreRecordMigration.Tests.Xen.Life;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <content>A device emulator, by which a guest works that has no drivers for Xen's own devices: it reads and writes the disk through the control domain's
/// memory, which is one for all who do so, and sends through an interface of its own.</content>
internal sealed partial class FakeControlDomain
{
    private Dictionary<long, (int Content, bool IsDirty)>? _memory;

    /// <summary>The guest works by an emulator.</summary>
    internal void PutEmulator()
    {
        _memory = [];
        _cards.Add($"{Card}-emu");
        Written = ["/dev/vg/lv"];
    }

    /// <summary>What anybody reads of the disk through the control domain's memory; 0 where nothing was written.</summary>
    internal int ReadBuffered(long block)
    {
        if (!_memory!.TryGetValue(block, out (int Content, bool IsDirty) kept))
        {
            _memory[block] = kept = (Read(Disk, block), false);
        }

        return kept.Content;
    }

    /// <summary>What the control domain has in its memory is written to the disk, as it is when it has the time.</summary>
    internal void WriteOut()
    {
        foreach ((long block, (int content, bool _)) in (_memory ?? []).Where(kept => kept.Value.IsDirty).ToArray())
        {
            Write(Disk, block, content);
            _memory![block] = (content, false);
        }
    }

    /// <summary>Stops and goes on as QEMU does.</summary>
    internal sealed class Emulator(FakeXen xen) : IDeviceEmulator
    {
        public void Stop() => xen.Call("StopEmulator", xen.Outputs.WriteOut);

        public void Continue() => xen.Call("ContinueEmulator", () => { });

        public void TrackWrites(bool isOn) => throw new NotSupportedException();
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Qmp;

namespace PreRecordMigration.Xen.Hvm;

/// <summary>The QEMU that stands beside an HVM domain, talked to as libxl does: one conversation for each call.</summary>
/// <remarks>Its methods are called by one thread at a time.</remarks>
/// <param name="socket">Its QMP socket.</param>
/// <param name="stateFile">Where it may write its state; removed after each <see cref="Save"/>.</param>
/// <param name="readStore">Reads the XenStore data that migrate with it; see <see cref="EmulatorState.Store"/>.</param>
/// <param name="patience">How long it may take to answer.</param>
/// <param name="subject">The domain's name, for errors.</param>
internal sealed class DomainEmulator(
    string socket, string stateFile, Func<byte[]> readStore, TimeSpan patience, string subject) : IDeviceEmulator
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>The emulator of a domain of this host.</summary>
    internal static DomainEmulator Of(XenControl control, int domid, string name) => new(
        // This is the second of the two sockets that libxl makes. libxl's own commands use the first, so they never find it taken.
        string.Create(CultureInfo.InvariantCulture, $"/var/run/xen/qmp-libxenstat-{domid}"),
        string.Create(CultureInfo.InvariantCulture, $"/var/lib/xen/prerecord-devices.{domid}"),
        () => ReadStore(
            control.ListStore, control.ReadStore, string.Create(CultureInfo.InvariantCulture, $"/local/domain/0/device-model/{domid}")),
        s_patience,
        name);

    /// <summary>Finds out whether it answers.</summary>
    internal void Probe()
    {
        using QmpConnection connection = Open();
    }

    /// <inheritdoc/>
    public void Stop() => Execute("stop");

    /// <inheritdoc/>
    public void Continue() => Execute("cont");

    /// <inheritdoc/>
    public void TrackWrites(bool isOn) => Execute("xen-set-global-dirty-log", isOn ? """{"enable":true}""" : """{"enable":false}""");

    /// <summary>Reads the state of the stopped devices. They stay stopped, and give up their locks on disk images.</summary>
    internal EmulatorState Save()
    {
        try
        {
            Execute("xen-save-devices-state", $$"""{"filename":"{{JsonEncodedText.Encode(stateFile)}}","live":true}""");
            return new EmulatorState(ReadContext(), readStore());
        }
        finally
        {
            File.Delete(stateFile);
        }
    }

    /// <summary>Packs a subtree of XenStore as libxl does: keys and values, each ended by a zero byte.</summary>
    internal static byte[] ReadStore(Func<string, IReadOnlyList<string>> list, Func<string, string?> read, string root)
    {
        List<byte> data = [];
        foreach (string entry in list($"{root}/{EmulatorState.StoreRoot}"))
        {
            foreach (string leaf in list($"{root}/{EmulatorState.StoreRoot}/{entry}"))
            {
                string key = $"{EmulatorState.StoreRoot}/{entry}/{leaf}";
                data.AddRange(Encoding.UTF8.GetBytes($"{key}\0{read($"{root}/{key}")}\0"));
            }
        }

        return [.. data];
    }

    private byte[] ReadContext()
    {
        using FileStream file = File.OpenRead(stateFile);
        if (file.Length > EmulatorState.LargestContext)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{subject}: its device emulator has {file.Length} bytes of state, more than {EmulatorState.LargestContext}.",
                "Take emulated devices out of its configuration, or use `xl migrate`.",
                subject);
        }

        byte[] context = new byte[file.Length];
        file.ReadExactly(context);
        return EmulatorState.IsContext(context)
            ? context
            : throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                $"{subject}: its device emulator wrote something else than its state to {stateFile}.",
                "Restart the domain with Debian's qemu-system-xen.",
                subject);
    }

    private void Execute(string command, string? arguments = null)
    {
        using QmpConnection connection = Open();
        connection.Execute(command, arguments);
    }

    private QmpConnection Open() => QmpConnection.Open(socket, patience, subject);
}

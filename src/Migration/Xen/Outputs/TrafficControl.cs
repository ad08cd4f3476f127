using System.Globalization;
using System.Text.Json;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>The control domain's network, by iproute2's programs and /sys.</summary>
internal sealed class TrafficControl : INetworkLayer
{
    /// <summary>The kernel's modules that it needs, which the kernel loads by itself.</summary>
    internal const string Modules = "ifb, sch_plug, sch_ingress, cls_matchall, act_mirred";

    private const string Interfaces = "/sys/class/net";
    private const string Package = "iproute2";
    private readonly LayerProgram _ip = new("ip", Package);
    private readonly LayerProgram _tc = new("tc", Package);
    private readonly LayerProgram _modprobe = new("modprobe", "kmod");

    /// <inheritdoc/>
    public string? Missing => _ip.Missing ?? _tc.Missing ?? _modprobe.Missing;

    /// <inheritdoc/>
    public IReadOnlyList<string> ListPlugs() => Directory.Exists(Interfaces)
        ? [.. Directory.GetFileSystemEntries(Interfaces, $"{OutputNames.PlugPrefix}*").Select(path => Path.GetFileName(path))]
        : [];

    /// <inheritdoc/>
    public bool IsThere(string card) => Directory.Exists(Path.Combine(Interfaces, card));

    /// <inheritdoc/>
    public bool HasIngress(string card) => Disciplines(card).Any(discipline => discipline.Kind is "clsact" or "ingress");

    /// <inheritdoc/>
    public void AddPlug(string plug)
    {
        // By itself the kernel would load the module with two interfaces that nobody needs.
        _modprobe.Run("ifb", "numifbs=0");
        _ip.Run("link", "add", "name", plug, "type", "ifb");
    }

    /// <inheritdoc/>
    public void LimitPlug(string plug, long bytes) =>
        _tc.Run("qdisc", "add", "dev", plug, "root", "plug", "limit", bytes.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public void RaisePlug(string plug) => _ip.Run("link", "set", "dev", plug, "up");

    /// <inheritdoc/>
    public void AddIngress(string card) => _tc.Run("qdisc", "add", "dev", card, "clsact");

    /// <inheritdoc/>
    public void Redirect(string card, string plug) => _tc.Run(
        "filter", "add", "dev", card, "ingress", "pref", "1", "protocol", "all", "matchall", "action", "mirred", "egress", "redirect", "dev", plug);

    /// <inheritdoc/>
    public void Release(string plug) => _tc.Run("qdisc", "change", "dev", plug, "root", "plug", "release_indefinite");

    /// <inheritdoc/>
    public long? HeldBytes(string plug) => Disciplines(plug).Where(discipline => discipline.Kind == "plug")
        .Select(discipline => (long?)discipline.Backlog).FirstOrDefault();

    /// <inheritdoc/>
    public void RemoveIngress(string card) => _tc.Run("qdisc", "del", "dev", card, "clsact");

    /// <inheritdoc/>
    public void RemovePlug(string plug) => _ip.Run("link", "del", "dev", plug);

    /// <inheritdoc/>
    public SentCount SentBy(string card)
    {
        // What the domain sends the control domain receives.
        string folder = Path.Combine(Interfaces, card, "statistics");
        return new SentCount(KernelNumber.Read(Path.Combine(folder, "rx_bytes"))[0], KernelNumber.Read(Path.Combine(folder, "rx_packets"))[0]);
    }

    /// <summary>The disciplines of an interface, as tc says of them in JSON.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>: that is not how this module's tc says it.</exception>
    internal static IReadOnlyList<(string Kind, long Backlog)> DisciplinesOf(string said)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(said);
            return
            [
                .. document.RootElement.EnumerateArray()
                    .Where(discipline => discipline.TryGetProperty("kind", out _))
                    .Select(discipline => (
                        discipline.GetProperty("kind").GetString() ?? "",
                        discipline.TryGetProperty("backlog", out JsonElement backlog) ? backlog.GetInt64() : 0)),
            ];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported, $"What tc says of an interface's disciplines is not understood: '{ForeignText.Show(said)}'.", "Install iproute2 6.1.", "tc", error);
        }
    }

    private IReadOnlyList<(string Kind, long Backlog)> Disciplines(string card) => DisciplinesOf(_tc.Run("-s", "-j", "qdisc", "show", "dev", card));
}

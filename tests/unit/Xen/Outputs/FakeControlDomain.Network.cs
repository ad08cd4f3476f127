using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Tests.Xen.Outputs;

/// <content>The network.</content>
internal sealed partial class FakeControlDomain : INetworkLayer
{
    private const int PacketSize = 1000;
    private const string Card = "vif1.0";
    private readonly HashSet<string> _cards = [Card];
    private readonly Dictionary<string, FakePlug> _plugs = [];
    private readonly Dictionary<string, string?> _ingress = [];
    private long _sent;

    /// <summary>What has got out, in order.</summary>
    internal List<string> Wire { get; } = [];

    /// <summary>Packets that nobody will ever have.</summary>
    internal List<string> Lost { get; } = [];

    /// <summary>Somebody else looks at what comes in at the card.</summary>
    internal void OccupyIngress() => _ingress[Card] = null;

    /// <summary>Through which interface the guest's packets come.</summary>
    private string Sender => _memory is null ? Card : $"{Card}-emu";

    /// <summary>The guest sends a packet through its card.</summary>
    internal void Send(string packet)
    {
        _sent++;
        if (_ingress.GetValueOrDefault(Sender) is not { } redirected)
        {
            Wire.Add(packet);
        }
        else if (!_plugs.TryGetValue(redirected, out FakePlug? plug) || !plug.IsUp)
        {
            Lost.Add(packet);
        }
        else if (plug.Limit is null || plug.IsReleased)
        {
            Wire.Add(packet);
        }
        else if ((plug.Held.Count + 1) * PacketSize > plug.Limit)
        {
            Lost.Add(packet);
        }
        else
        {
            plug.Held.Add(packet);
        }
    }

    public IReadOnlyList<string> ListPlugs() => xen.Call(nameof(ListPlugs), () => (IReadOnlyList<string>)[.. _plugs.Keys]);

    public bool IsThere(string card) => xen.Call("IsCardThere", () => _cards.Contains(card));

    public bool HasIngress(string card) => xen.Call(nameof(HasIngress), () => _ingress.ContainsKey(card));

    public void AddPlug(string plug) => xen.Call(nameof(AddPlug), () => _plugs.Add(plug, new FakePlug()));

    public void LimitPlug(string plug, long bytes) => xen.Call(nameof(LimitPlug), () =>
    {
        _plugs[plug].Limit = bytes;
    });

    public void RaisePlug(string plug) => xen.Call(nameof(RaisePlug), () =>
    {
        _plugs[plug].IsUp = true;
    });

    public void AddIngress(string card) => xen.Call(nameof(AddIngress), () =>
    {
        Require(_cards.Contains(card), "Cannot find device");
        Require(_ingress.TryAdd(card, null), "Exclusivity flag on, cannot modify");
    });

    public void Redirect(string card, string plug) => xen.Call(nameof(Redirect), () =>
    {
        Require(_ingress.ContainsKey(card), "Parent Qdisc doesn't exists");
        _ingress[card] = plug;
    });

    public void Release(string plug) => xen.Call(nameof(Release), () =>
    {
        Require(_plugs[plug].Limit is not null, "Specified qdisc not found");
        _plugs[plug].IsReleased = true;

        // What comes from a card that is gone goes nowhere (ifb looks for the interface that it came from).
        (_cards.Contains(Card) ? Wire : Lost).AddRange(_plugs[plug].Held);
        _plugs[plug].Held.Clear();
    });

    public long? HeldBytes(string plug) => xen.Call(nameof(HeldBytes), () => _plugs[plug].Limit is null ? (long?)null : _plugs[plug].Held.Count * PacketSize);

    public void RemoveIngress(string card) => xen.Call(nameof(RemoveIngress), () => Require(_ingress.Remove(card), "Cannot find specified qdisc"));

    public void RemovePlug(string plug) => xen.Call(nameof(RemovePlug), () =>
    {
        Lost.AddRange(_plugs[plug].Held);
        _plugs.Remove(plug);
    });

    public SentCount SentBy(string card) => xen.Call(nameof(SentBy), () => new SentCount(_sent * PacketSize, _sent));

    private sealed class FakePlug
    {
        internal long? Limit { get; set; }

        internal bool IsUp { get; set; }

        internal bool IsReleased { get; set; }

        internal List<string> Held { get; } = [];
    }
}

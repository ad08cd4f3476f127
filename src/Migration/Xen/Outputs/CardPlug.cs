using PreRecordMigration.Errors;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>The plug of one network card: holds what the domain sends, in order.</summary>
/// <remarks>As of a disk's overlay, nothing is remembered but what is there, and each step can be made again. Our interface is made first and goes
/// last: while it is there, the place at the card where what comes in is redirected is ours.</remarks>
/// <param name="layer">The control domain's network.</param>
/// <param name="domid">The domain.</param>
/// <param name="output">The card, or its emulated twin.</param>
/// <param name="domain">The domain's name, for errors.</param>
internal sealed class CardPlug(INetworkLayer layer, int domid, OutputCard output, string domain)
{
    /// <summary>Bytes of a packet that the card's counter leaves out: its link header, with two tags.</summary>
    private const int LinkHeader = 22;

    private readonly string _plug = OutputNames.Plug(domid, output.Card, output.IsTwin);
    private long _mark = long.MaxValue;
    private SentCount _since;

    /// <summary>How long packets that were released may take to leave.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The card, or its emulated twin.</summary>
    internal OutputCard Output => output;

    /// <summary>Packets that came out of the domain since the plug holds.</summary>
    internal long HeldPackets => layer.SentBy(output.Face).Packets - _since.Packets;

    private bool IsIn => layer.ListPlugs().Contains(_plug);

    /// <summary>Makes all that the plug needs; the domain may run, and what it sends passes.</summary>
    /// <param name="limit">Bytes that it can hold.</param>
    /// <param name="mark">Bytes from which on it counts as nearly full.</param>
    internal void Prepare(long limit, long mark)
    {
        if (layer.HasIngress(output.Face))
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"What {domain} sends through its network card {output.Card} cannot be held back: something else looks at what comes in at {output.Face} already.",
                $"`tc qdisc show dev {output.Face}` shows it; take it away for the migration (tc qdisc del dev {output.Face} ingress, or clsact), or use the mode Observe.",
                domain);
        }

        layer.AddPlug(_plug);
        layer.LimitPlug(_plug, limit);
        layer.RaisePlug(_plug);
        layer.AddIngress(output.Face);
        _mark = mark;
    }

    /// <summary>From here on what the domain sends is held. The domain stands still.</summary>
    internal void Hold()
    {
        layer.Redirect(output.Face, _plug);
        _since = layer.SentBy(output.Face);
    }

    /// <summary>Whether so much is held that what is under way could be too much.</summary>
    internal bool IsNearlyFull()
    {
        SentCount now = layer.SentBy(output.Face);
        return now.Bytes - _since.Bytes + (LinkHeader * (now.Packets - _since.Packets)) >= _mark;
    }

    /// <summary>Lets what is held go, in order, and removes the plug. The domain stands still, or was never held.</summary>
    internal void Release()
    {
        if (!IsIn)
        {
            return;
        }

        if (layer.HeldBytes(_plug) is not null)
        {
            layer.Release(_plug);
            AwaitEmpty();
        }

        if (layer.IsThere(output.Face) && layer.HasIngress(output.Face))
        {
            layer.RemoveIngress(output.Face);
        }

        if (layer.HeldBytes(_plug) is not null)
        {
            AwaitEmpty();
        }

        layer.RemovePlug(_plug);
    }

    /// <summary>
    /// Throws what is held away, and removes the plug. The domain is about to be destroyed, and its card with it: until then what its backend may still
    /// take from it is redirected to nothing, and lost. The backend waits for what is held before it lets go of the domain, so this comes first.
    /// </summary>
    internal void Drop()
    {
        if (IsIn)
        {
            layer.RemovePlug(_plug);
        }
    }

    private void AwaitEmpty()
    {
        long held = Outputs.Patience.AwaitNone(() => layer.HeldBytes(_plug) ?? 0, Patience);
        if (held > 0)
        {
            throw new MigrationException(
                MigrationErrorId.HypervisorCall,
                FormattableString.Invariant($"What {domain} sent through its network card {output.Card} in the window does not leave: {held} bytes are left after {Patience.TotalSeconds:0.#} s."),
                $"`tc -s qdisc show dev {_plug}` shows it. The next command on the domain goes on with it.",
                domain);
        }
    }
}

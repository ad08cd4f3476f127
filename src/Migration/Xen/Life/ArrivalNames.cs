using System.Globalization;
using System.Text;
using System.Text.Json;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>The identity of a domain that comes in: its UUID, its final name, and a token that makes this arrival's provisional name its
/// own.</summary>
/// <param name="Name">Its final name.</param>
/// <param name="Uuid">Its UUID, in 32 digits; its source's, too, which may be on the same host.</param>
/// <param name="Token">What only this arrival has: eight hexadecimal digits.</param>
internal sealed record Arrival(string Name, string Uuid, string Token)
{
    /// <summary>The name under which the toolstack's child makes the domain. No other domain has it, whoever makes domains
    /// meanwhile.</summary>
    internal string ProvisionalName => $"{Name}{ArrivalNames.Suffix}-{Token}";

    /// <summary>The arrival of a domain.</summary>
    /// <param name="name">Its final name.</param>
    /// <param name="json">Its configuration in libxl's JSON, as the source says it.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.ProtocolViolation"/>: the configuration has no UUID.</exception>
    internal static Arrival Of(string name, string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        string? text = document.RootElement.TryGetProperty("c_info", out JsonElement created)
            && created.ValueKind == JsonValueKind.Object
            && created.TryGetProperty("uuid", out JsonElement uuid)
            && uuid.ValueKind == JsonValueKind.String
                ? uuid.GetString()
                : null;
        if (!Guid.TryParse(text, CultureInfo.InvariantCulture, out Guid id) || id == Guid.Empty)
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The peer's configuration of {name} has no UUID.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                name);
        }

        return new Arrival(name, id.ToString("N"), Guid.NewGuid().ToString("N")[..8]);
    }

    /// <summary>The domain that the toolstack's child has made; null where it has not yet.</summary>
    internal KnownDomain? Find(IDomainControl control) =>
        DomainNames.Find(control, ProvisionalName) is { } info && KnownDomain.UuidOf(info) == Uuid
            ? new KnownDomain(control, (int)info.DomId, Uuid, ProvisionalName)
            : null;
}

/// <summary>
/// Which names are free for domains that come in. A name is reserved from before the domain is made until its mark stands, in one step in
/// XenStore, and a reservation is worth nothing once its process is dead.
/// </summary>
internal static class ArrivalNames
{
    /// <summary>What stands behind a domain's name, before what only its arrival has, until it has its final one.</summary>
    internal const string Suffix = "--incoming";

    private const string Root = "/prerecord/arrivals";

    /// <summary>Takes down what killed runs left, and reserves a name.</summary>
    /// <returns>The reservation; disposing gives it back.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainExists"/>: another domain bears the name, or comes in
    /// by it, as far as that is understood; <see cref="MigrationErrorId.DomainBusy"/>: a killed run left such a domain, which may be the only copy.</exception>
    internal static IDisposable Reserve(IDomainControl control, Arrival arrival)
    {
        string path = PathOf(arrival.Name);
        string content = $"{OwnerProcess.Current} {arrival.Uuid} {arrival.Token} {arrival.Name}";
        do
        {
            SweepUnmarked(control);
            string? there = control.ReadStore(path);
            (OwnerProcess Owner, Arrival Arrival)? other = Parse(there);
            if (there is not null && other is null)
            {
                throw IncomingMarker.Unknown(MigrationErrorId.DomainExists, [path], arrival.Name);
            }

            if (other is { Owner.IsAlive: true } living)
            {
                throw Arriving(arrival.Name, living.Owner);
            }
        }
        while (!control.TrySwapStore(path, null, content));

        Reservation reservation = new(control, path, content);
        try
        {
            // The marks are read after the reservation is made: another arrival's mark stands before its reservation goes, so that one of
            // the two is seen.
            RequireFree(control, arrival, IncomingMarker.Sweep(control).Left);
            return reservation;
        }
        catch (Exception error)
        {
            throw CleanUp.After(error, reservation.Dispose);
        }
    }

    /// <summary>Refuses a name that another domain bears. Only the source's own copy, on the same host, may bear it.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainExists"/>.</exception>
    internal static void RequireUnborne(IDomainControl control, Arrival arrival)
    {
        if (DomainNames.Find(control, arrival.Name) is { } bearer && KnownDomain.UuidOf(bearer) != arrival.Uuid)
        {
            throw new MigrationException(
                MigrationErrorId.DomainExists,
                $"Another domain {arrival.Name} (domain {bearer.DomId}) is here already.",
                "Rename one of the two (xl rename), or destroy the one here if it is not needed.",
                arrival.Name);
        }
    }

    private static void RequireFree(IDomainControl control, Arrival arrival, IReadOnlyList<IncomingMarker.Found> marked)
    {
        RequireUnborne(control, arrival);
        RequireOwnIdentity(control, arrival);
        foreach (IncomingMarker.Found other in marked.Where(other => other.Arrival.Name == arrival.Name))
        {
            throw other.Owner.IsAlive
                ? Arriving(arrival.Name, other.Owner)
                : new MigrationException(
                    MigrationErrorId.DomainBusy,
                    $"{other.Arrival.ProvisionalName} (domain {other.DomId}) was left by a migration{IncomingMarker.From(other.Source)} whose process was killed after the domain began to run here"
                    + (other.Mark == IncomingMark.Whole ? "; nothing of it is missing." : "; pages of it may be missing."),
                    other.Mark == IncomingMark.Whole
                        ? $"It is {arrival.Name}: xl rename {other.Arrival.ProvisionalName} {arrival.Name}, once the source has none any more."
                        : $"Resume-Migration {arrival.Name} at its source goes on with it. It may be the only copy: look whether the source still has the domain before you destroy either.",
                    other.Arrival.ProvisionalName);
        }
    }

    /// <summary>
    /// Refuses a UUID that a domain of this host has, unless that domain is the source's own copy, which a process of this host moves. The
    /// UUID is a peer's word, and two domains with the same one would share what the toolstack and XenStore keep by it.
    /// </summary>
    private static void RequireOwnIdentity(IDomainControl control, Arrival arrival)
    {
        foreach ((XenDomainInfo info, string name) in DomainNames.FindAll(control))
        {
            int domid = (int)info.DomId;
            bool isOwn = name == arrival.Name
                ? new SourceMarker(control, domid, arrival.Uuid).IsOwned
                : name.StartsWith(arrival.Name + Suffix, StringComparison.Ordinal);
            if (KnownDomain.UuidOf(info) == arrival.Uuid && !isOwn)
            {
                throw new MigrationException(
                    MigrationErrorId.DomainExists,
                    $"The domain {name} (domain {domid}) here has the UUID of the {arrival.Name} that is to come, and nothing moves it from here.",
                    "Where it is a copy of the same domain, destroy the one that is not needed; else give one of the two another UUID.",
                    arrival.Name);
            }
        }
    }

    private static MigrationException Arriving(string name, OwnerProcess owner) => new(
        MigrationErrorId.DomainExists,
        $"Another migration, of process {owner.Id}, brings a domain {name} here already.",
        "Wait for it to end, or stop its receiver (Stop-MigrationReceiver).",
        name);

    /// <summary>Takes down domains whose process was killed before they ran.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: there are marks that are not understood, which stay. All that is
    /// understood is done before.</exception>
    internal static void Sweep(IDomainControl control)
    {
        IReadOnlyList<string> unknown = [.. SweepUnmarked(control), .. IncomingMarker.Sweep(control).Unknown];
        if (unknown.Count > 0)
        {
            throw IncomingMarker.Unknown(MigrationErrorId.DomainState, unknown, "Domains that come in");
        }
    }

    /// <summary>Takes down domains whose process was killed before it had marked them: they never ran.</summary>
    /// <returns>The reservations that are not understood, which stay: another version's, whose process may live.</returns>
    private static List<string> SweepUnmarked(IDomainControl control)
    {
        List<string> unknown = [];
        foreach (string child in control.ListStore(Root))
        {
            string path = $"{Root}/{child}";
            if (control.ReadStore(path) is not { } content)
            {
                continue;
            }

            if (Parse(content) is not { } left)
            {
                unknown.Add(path);
                continue;
            }

            if (left.Owner.IsAlive)
            {
                continue;
            }

            if (left.Arrival.Find(control) is { } domain && !IncomingMarker.IsMarked(domain))
            {
                domain.Destroy();
            }

            control.TrySwapStore(path, content, null);
        }

        return unknown;
    }

    internal static (OwnerProcess Owner, Arrival Arrival)? Parse(string? content)
    {
        string[] parts = (content ?? "").Split(' ', 4);
        return parts.Length == 4 && OwnerProcess.TryParse(parts[0], out OwnerProcess owner)
            ? (owner, new Arrival(parts[3], parts[1], parts[2]))
            : null;
    }

    /// <summary>The reservation's place in XenStore. Its paths take fewer characters than names of domains do, so the name stands there in
    /// hexadecimal.</summary>
    private static string PathOf(string name) => $"{Root}/{Convert.ToHexStringLower(Encoding.UTF8.GetBytes(name))}";

    private sealed class Reservation(IDomainControl control, string path, string content) : IDisposable
    {
        public void Dispose() => control.TrySwapStore(path, content, null);
    }
}

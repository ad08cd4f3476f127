using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// What XenStore says of a domain that is the source of a recording, so that the next run mends what a killed one left:
/// /prerecord/source/DOMID holds the mark, the owning process, the domain's UUID and, where it leaves, the CPU time that it has used and
/// its departure.
/// </summary>
/// <param name="control">The connection.</param>
/// <param name="domid">The domain.</param>
/// <param name="uuid">Its UUID: the number may be another's later.</param>
internal sealed class SourceMarker(IDomainControl control, int domid, string uuid)
{
    /// <summary>Where the marks of all domains are.</summary>
    internal const string Root = "/prerecord/source";

    /// <summary>How many words a mark has before how its domain left.</summary>
    private const int Words = 3;

    private Noted? _last;

    /// <summary>How a domain left.</summary>
    /// <param name="CpuTime">What it had used then, in nanoseconds: a domain that has used more has run since.</param>
    /// <param name="Departure">Where it goes.</param>
    internal sealed record Leave(ulong CpuTime, Departure Departure)
    {
        /// <inheritdoc/>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{CpuTime} {Departure}");

        /// <summary>What was noted; null where it is not wholly that.</summary>
        internal static Leave? Read(string noted)
        {
            string[] parts = noted.Split(' ', 2);
            return ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong used)
                && Departure.Read(parts.ElementAtOrDefault(1)) is { } departure
                    ? new Leave(used, departure)
                    : null;
        }
    }

    /// <summary>What a mark says but for who made it, and of which domain.</summary>
    /// <param name="Mark">What its owner was about to do.</param>
    /// <param name="Rest">What stands behind that, as it was noted: another version may read more of it. Null where nothing does.</param>
    private sealed record Noted(SourceMark Mark, string? Rest)
    {
        /// <summary>How the domain left; null where it did not, or where what stands there is not wholly that.</summary>
        public Leave? Leave => Rest is null ? null : Leave.Read(Rest);
    }

    /// <summary>A mark found: who owns the domain, what it was about to do, and how the domain left as far as that is noted.</summary>
    internal readonly record struct Found(SourceMark Mark, OwnerProcess Owner, Leave? Leave)
    {
        /// <summary>Where it went, as far as that is noted.</summary>
        internal Departure? Departure => Leave?.Departure;
    }

    /// <summary>Where a domain's mark is.</summary>
    internal static string PathOf(int domid) => string.Create(CultureInfo.InvariantCulture, $"{Root}/{domid}");

    /// <summary>How the domain of a mark left; null where it did not, or where the text is no mark.</summary>
    internal static Departure? DepartureOf(string content) => Read(content)?.Noted.Leave?.Departure;

    /// <summary>The originals that marks name, of whichever process and domain; null where a mark is not understood, which may name others.</summary>
    internal static IReadOnlySet<Guid>? OriginalsOf(IDomainControl control)
    {
        HashSet<Guid> named = [];
        foreach (string child in control.ListStore(Root))
        {
            if (control.ReadStore($"{Root}/{child}") is not { } content)
            {
                continue;
            }

            if (Read(content)?.Noted is not { } noted || (noted.Leave is null && noted.Rest is not null))
            {
                return null;
            }

            if (noted.Leave?.Departure.Continuation?.Originals is { } originals)
            {
                named.Add(originals);
            }
        }

        return named;
    }

    /// <summary>What a mark says; null where the text is no mark.</summary>
    internal static SourceMark? MarkOf(string content) => Read(content)?.Noted.Mark;

    /// <summary>Who made a mark, and of which domain; null where the text is no mark.</summary>
    internal static NoteOrigin? OriginOf(string content) => Read(content)?.Origin;

    /// <summary>
    /// Becomes the domain's owner in one step, so that only one of two processes succeeds. What a dead owner noted stays noted, with this
    /// process as its owner.
    /// </summary>
    /// <param name="name">The domain's name, for errors.</param>
    /// <returns>What a dead process noted; null where there was nothing.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>: a living process owns it, or its mark is another version's,
    /// which stays.</exception>
    internal Found? Claim(string name)
    {
        while (true)
        {
            string? content = control.ReadStore(PathOf(domid));
            RequireFree(content, name);
            Noted? noted = OwnOf(content)?.Noted;
            Noted claimed = noted ?? new Noted(SourceMark.Running, null);
            if (StoreSwap.Try(control, PathOf(domid), content, Format(claimed, OwnerProcess.Current)))
            {
                _last = claimed;
                return Parse(content);
            }
        }
    }

    /// <summary>Looks for marks that are not understood of domains that are here. Touches nothing.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: there are some, which stay.</exception>
    internal static void RequireUnderstood(IDomainControl control)
    {
        string[] unknown = [.. control.ListStore(Root).Select(child => $"{Root}/{child}").Where(path => control.ReadStore(path) is { } content && Read(content) is null)];
        if (unknown.Length > 0)
        {
            throw Unknown(MigrationErrorId.DomainState, unknown, "Domains that leave");
        }
    }

    /// <summary>The domains that are here and whose owner has ended. Looks, and touches nothing.</summary>
    internal static IReadOnlyList<LeftBehind> FindLeft(IDomainControl control) =>
    [
        .. from domain in DomainNames.FindAll(control)
           let marker = new SourceMarker(control, (int)domain.Info.DomId, KnownDomain.UuidOf(domain.Info))
           let found = marker.Parse(control.ReadStore(PathOf((int)domain.Info.DomId)))
           where found is { Owner.IsAlive: false }
           select new LeftBehind(domain.Name, found.Value.Mark, found.Value.Departure),
    ];

    /// <summary>Whether a living process owns the domain.</summary>
    internal bool IsOwned => Parse(control.ReadStore(PathOf(domid))) is { Owner.IsAlive: true };

    /// <summary>Refuses a domain that a living process owns, or whose mark is another version's. Looks, and touches nothing.</summary>
    /// <param name="name">The domain's name, for errors.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>.</exception>
    internal void RequireUnclaimed(string name) => RequireFree(control.ReadStore(PathOf(domid)), name);

    /// <summary>How the domain left, as it was noted last.</summary>
    internal Leave? Left => _last?.Leave;

    /// <summary>Notes what the next tool is to do with the domain should this process die.</summary>
    internal void Write(SourceMark mark, Leave? leave = null)
    {
        _last = new Noted(mark, leave?.ToString());
        control.WriteStore(PathOf(domid), Format(_last, OwnerProcess.Current));
    }

    /// <summary>Leaves the mark, where there is one, without a living owner: whoever opens the domain next does what it says.</summary>
    internal void Orphan()
    {
        if (_last is { } last)
        {
            control.WriteStore(PathOf(domid), Format(last, default));
            _last = null;
        }
    }

    /// <summary>Takes the mark away.</summary>
    internal void Remove()
    {
        control.RemoveStore(PathOf(domid));
        _last = null;
    }

    private static MigrationException Unknown(MigrationErrorId id, IReadOnlyList<string> paths, string target) =>
        UnknownNotes.Refusal(id, "are recorded or leave", paths, target);

    private void RequireFree(string? content, string name)
    {
        if (content is not null && Read(content) is null)
        {
            throw Unknown(MigrationErrorId.DomainBusy, [PathOf(domid)], name);
        }

        if (Parse(content) is { Owner.IsAlive: true } busy)
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy,
                $"{name} is held by a recording or migration of {busy.Owner.Describe()}.",
                $"In the session of process {busy.Owner.Id}, Get-PreRecord {name} says until when it is held and Stop-PreRecord {name} lets it go, "
                    + $"or Stop-Migration {name} stops its migration. When that process has ended, whoever opens the domain next mends it.",
                name);
        }
    }

    private string Format(Noted noted, OwnerProcess owner) => $"{noted.Mark} {owner} {uuid}{(noted.Rest is null ? "" : $" {noted.Rest}")}";

    /// <summary>Reads a mark; null where there is none, or where it is of another domain with the same number.</summary>
    private Found? Parse(string? content) =>
        OwnOf(content) is { } own ? new Found(own.Noted.Mark, own.Origin.Owner, own.Noted.Leave) : null;

    private (Noted Noted, NoteOrigin Origin)? OwnOf(string? content) =>
        Read(content) is { } read && read.Origin.Uuid == uuid ? read : null;

    private static (Noted Noted, NoteOrigin Origin)? Read(string? content)
    {
        string[] parts = (content ?? "").Split(' ', Words + 1);
        return parts.Length >= Words
            && Enum.TryParse(parts[0], out SourceMark mark)
            && Enum.IsDefined(mark)
            && OwnerProcess.TryParse(parts[1], out OwnerProcess owner)
                ? (new Noted(mark, parts.ElementAtOrDefault(Words)), new NoteOrigin(owner, parts[2]))
                : null;
    }
}

using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Processes;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// What XenStore says of incoming domains, so that a later run finds what a killed one left: /prerecord/incoming/DOMID holds
/// the mark, the owning process, who the domain is (UUID, what only its arrival has, final name) and, each behind a tab, where it comes from and the
/// limit of its memory once it is complete. What is too large for that is in a file beside it, which goes with the mark.
/// </summary>
/// <param name="control">The connection.</param>
/// <param name="domid">The domain.</param>
/// <param name="arrival">The domain's identity.</param>
internal sealed class IncomingMarker(IDomainControl control, int domid, Arrival arrival)
{
    private const string Root = "/prerecord/incoming";

    /// <summary>Names the files of what was taken down: they tell a source that comes back that it never ran. They end with the boot.</summary>
    private const string TakenDown = "/prerecord/taken-down";

    /// <summary>How many of these are kept; a source comes back within minutes, or its host is lost.</summary>
    private const int MostTakenDown = 64;

    private const char Tab = '\t';
    private (IncomingMark Mark, string? Source)? _last;

    /// <summary>A mark found, whose domain is there.</summary>
    internal readonly record struct Found(
        int DomId, IncomingMark Mark, OwnerProcess Owner, Arrival Arrival, string? Source, long? LimitAfterwards, string Content);

    /// <summary>How much memory the domain may have once it is complete, in KiB; null where its present limit stays. It is noted with the next mark.</summary>
    internal long? LimitAfterwards { get; set; }

    /// <summary>What is left of the marks.</summary>
    /// <param name="Left">Those of living processes, and of domains that have run.</param>
    /// <param name="Unknown">Where those are that are not understood.</param>
    internal readonly record struct Swept(IReadOnlyList<Found> Left, IReadOnlyList<string> Unknown);

    /// <summary>Notes what the next tool is to do with the domain should this process die.</summary>
    internal void Write(IncomingMark mark, string? source = null)
    {
        _last = (mark, source);
        Write((mark, source), OwnerProcess.Current);
    }

    /// <summary>Leaves the mark, where there is one, without a living owner: whoever comes next does what it says.</summary>
    internal void Orphan()
    {
        if (_last is { } last)
        {
            Write(last, default);
            _last = null;
        }
    }

    /// <summary>Keeps what another tool needs to go on with the domain, until the mark is taken away.</summary>
    internal void Keep(ReadOnlyMemory<byte> journal) => control.WriteFile(FileOf(domid, arrival), journal);

    /// <summary>Takes the mark away.</summary>
    internal void Remove()
    {
        control.RemoveStore(PathOf(domid));
        _last = null;
        control.RemoveFile(FileOf(domid, arrival));
    }

    /// <summary>Finds the domain that was left by a killed tool and of which something was kept that is looked for.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="which">Whether what was kept is what is looked for.</param>
    /// <returns>Null where there is none.</returns>
    internal static (Found Found, KnownDomain Domain)? FindLeft(IDomainControl control, Func<ReadOnlyMemory<byte>, bool> which)
    {
        MigrationException? unreadable = null;
        foreach (string child in control.ListStore(Root))
        {
            if (int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid)
                && Read(control, domid) is { } found
                && found.Arrival.Find(control) is { } domain
                && domain.DomId == domid
                && TryReadFile(control, FileOf(found.DomId, found.Arrival), ref unreadable) is { } journal
                && which(journal))
            {
                return (found, domain);
            }
        }

        return unreadable is null ? null : throw unreadable;
    }

    /// <summary>Becomes the owner of a domain that a killed tool left, in one step, so that only one of two processes succeeds.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="left">Its mark.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>: a living process has it.</exception>
    internal static IncomingMarker Claim(IDomainControl control, in Found left)
    {
        IncomingMarker marker = new(control, left.DomId, left.Arrival) { LimitAfterwards = left.LimitAfterwards };
        string own = marker.Format((left.Mark, left.Source), OwnerProcess.Current);
        if (left.Owner.IsAlive || !StoreSwap.Try(control, PathOf(left.DomId), left.Content, own))
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy,
                $"{left.Arrival.ProvisionalName} is in the hands of {(left.Owner.IsAlive ? $"process {left.Owner.Id}" : "another process")} here.",
                "Wait until that has ended, or resume the migration at the receiver of that process.",
                left.Arrival.Name);
        }

        marker._last = (left.Mark, left.Source);
        return marker;
    }

    /// <summary>Whether a domain has a mark, of whatever version.</summary>
    internal static bool IsMarked(KnownDomain domain) => domain.Control.ReadStore(PathOf(domain.DomId)) is { } content
        && (Parse(domain.DomId, content) is not { } found || found.Arrival.Uuid == domain.Uuid);

    /// <summary>Refuses a domain that comes in, and whose pages may be missing.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>.</exception>
    internal static void RequireNotComingIn(KnownDomain domain)
    {
        if (domain.Control.ReadStore(PathOf(domain.DomId)) is not { } content)
        {
            return;
        }

        if (Parse(domain.DomId, content) is not { } found)
        {
            throw Unknown(MigrationErrorId.DomainBusy, [PathOf(domain.DomId)], domain.Name);
        }

        if (found.Arrival.Uuid == domain.Uuid
            && (found.Owner.IsAlive || found.Mark != IncomingMark.Whole))
        {
            throw new MigrationException(
                MigrationErrorId.DomainBusy,
                found.Owner.IsAlive
                    ? $"{domain.Name} is coming in by process {found.Owner.Id}."
                    : $"{domain.Name} was coming in{From(found.Source)} when the tool was killed: pages of it may be missing.",
                found.Owner.IsAlive ? "Wait until it has arrived." : $"Resume-Migration {found.Arrival.Name} at its source goes on, where a receiver listens here (Start-MigrationReceiver). Only where no source has it any more: destroy the one here.",
                domain.Name);
        }
    }

    /// <summary>
    /// Does what killed runs noted: takes domains down that never ran, and leaves the others. Marks of domains that are gone, or have
    /// another name by now, are removed. One that is not understood is another version's, perhaps a newer one's, and stays as long as a domain has its
    /// number.
    /// </summary>
    internal static Swept Sweep(IDomainControl control)
    {
        List<Found> left = [];
        List<string> unknown = [];
        foreach (string child in control.ListStore(Root))
        {
            string path = $"{Root}/{child}";
            if (control.ReadStore(path) is not { } content)
            {
                continue;
            }

            bool isNumber = int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid);
            if (!isNumber || Parse(domid, content) is not { } read)
            {
                if (!UnknownNotes.TryForget(control, Root, child, content))
                {
                    unknown.Add(path);
                }

                continue;
            }

            KnownDomain? domain = read.Arrival.Find(control) is { } there && there.DomId == domid ? there : null;
            bool neverRan = read is { Owner.IsAlive: false, Mark: IncomingMark.Preparing };
            if (domain is not null && !neverRan)
            {
                left.Add(read);
                continue;
            }

            string? file = FileOf(domid, read.Arrival);
            if (neverRan && IsReadable(control, file))
            {
                // Before it is taken down: where a tool dies in between, its mark is found again.
                NoteTakenDown(control, file);
                file = null;
            }

            domain?.Destroy();
            if (file is not null)
            {
                control.RemoveFile(file);
            }

            control.RemoveStore(path);
        }

        return new Swept(left, unknown);
    }

    /// <summary>The error of marks that are not understood.</summary>
    /// <param name="id">What cannot be done for them.</param>
    /// <param name="paths">Where they are.</param>
    /// <param name="target">What the error is about.</param>
    internal static MigrationException Unknown(MigrationErrorId id, IReadOnlyList<string> paths, string target) =>
        UnknownNotes.Refusal(id, "come in", paths, target);

    /// <summary>Whether something was taken down that never ran here.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="which">Whether what was kept of it is what is looked for.</param>
    internal static bool HasTakenDown(IDomainControl control, Func<ReadOnlyMemory<byte>, bool> which)
    {
        MigrationException? unreadable = null;
        return control.ListStore(TakenDown).Any(file => TryReadFile(control, file, ref unreadable) is { } journal && which(journal))
            || (unreadable is null ? false : throw unreadable);
    }

    /// <summary>Where a domain comes from, as a part of an error's sentence; empty where nobody knows.</summary>
    internal static string From(string? source) => source is null ? "" : $" from {source}";

    /// <summary>Reads a file; null where there is none, or where it cannot be read: it may be another's, and what is looked for can still be found.</summary>
    private static byte[]? TryReadFile(IDomainControl control, string file, ref MigrationException? unreadable)
    {
        try
        {
            return control.ReadFile(file);
        }
        catch (MigrationException error)
        {
            unreadable ??= error;
            return null;
        }
    }

    private static bool IsReadable(IDomainControl control, string file)
    {
        try
        {
            return control.ReadFile(file) is not null;
        }
        catch (MigrationException)
        {
            // What cannot be believed tells nobody anything.
            return false;
        }
    }

    /// <summary>Notes that what a file is of never ran, and forgets the first of too many.</summary>
    private static void NoteTakenDown(IDomainControl control, string file)
    {
        string[] noted =
        [
            .. control.ListStore(TakenDown).Where(other => other != file)
                .OrderBy(other => control.ReadStore($"{TakenDown}/{other}"), StringComparer.Ordinal).ThenBy(other => other.Length).ThenBy(other => other, StringComparer.Ordinal),
        ];
        foreach (string first in noted.Take(noted.Length + 1 - MostTakenDown))
        {
            control.RemoveStore($"{TakenDown}/{first}");
            control.RemoveFile(first);
        }

        control.WriteStore($"{TakenDown}/{file}", Environment.TickCount64.ToString("D20", CultureInfo.InvariantCulture));
    }

    private void Write((IncomingMark Mark, string? Source) last, OwnerProcess owner) => control.WriteStore(PathOf(domid), Format(last, owner));

    private string Format((IncomingMark Mark, string? Source) last, OwnerProcess owner)
    {
        string limit = LimitAfterwards is { } afterwards ? string.Create(CultureInfo.InvariantCulture, $"{Tab}{afterwards}") : "";
        string source = last.Source is not null || limit.Length > 0 ? $"{Tab}{last.Source}" : "";
        return $"{last.Mark} {owner} {arrival.Uuid} {arrival.Token} {arrival.Name}{source}{limit}";
    }

    /// <summary>The file of an arrival: another one of the same number has another token.</summary>
    private static string FileOf(int domid, Arrival arrival) => string.Create(CultureInfo.InvariantCulture, $"incoming-{domid}-{arrival.Token}");

    private static string PathOf(int domid) => string.Create(CultureInfo.InvariantCulture, $"{Root}/{domid}");

    private static Found? Read(IDomainControl control, int domid) => Parse(domid, control.ReadStore(PathOf(domid)) ?? "");

    /// <summary>Reads a mark; null where the text is none that this version understands.</summary>
    internal static Found? Parse(int domid, string content)
    {
        string[] parts = content.Split(' ', 5);
        string[] words = parts.Length == 5 ? parts[4].Split(Tab, 3) : [];
        long limit = 0;
        return words.Length > 0
            && Enum.TryParse(parts[0], out IncomingMark mark)
            && Enum.IsDefined(mark)
            && OwnerProcess.TryParse(parts[1], out OwnerProcess owner)
            && parts[3].All(char.IsAsciiHexDigit)
            && (words.Length < 3 || long.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out limit))
                ? new Found(
                    domid, mark, owner, new Arrival(words[0], parts[2], parts[3]), PeerName.Read(words.ElementAtOrDefault(1)), limit > 0 ? limit : null, content)
                : null;
    }
}

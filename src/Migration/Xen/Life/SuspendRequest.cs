using System.Globalization;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// A request to suspend, as it stands in XenStore: control/shutdown, from which the guest takes it, and a note of whose it is and since when,
/// which stays until its outcome is known. The note outlives the process: a guest may suspend long after it took the request.
/// </summary>
/// <param name="domain">The domain.</param>
internal sealed class SuspendRequest(KnownDomain domain)
{
    /// <summary>A guest that has not suspended by now is not on its way any more: kernels give up after 20 seconds.</summary>
    internal static readonly TimeSpan LongestWay = TimeSpan.FromMinutes(10);

    /// <summary>Where the notes of all domains' requests are.</summary>
    internal const string Root = "/prerecord/suspend";

    private const string Request = "suspend";

    /// <summary>The note that this object made or took over; null where it has none.</summary>
    private string? _note;

    /// <summary>Where the guest finds the request.</summary>
    internal string ControlPath { get; } = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domain.DomId}/control/shutdown");

    private string NotePath { get; } = string.Create(CultureInfo.InvariantCulture, $"{Root}/{domain.DomId}");

    /// <summary>A request that somebody has made and whose outcome nobody has seen.</summary>
    /// <param name="Owner">Who made it.</param>
    /// <param name="Since">When, in milliseconds since the machine started.</param>
    /// <param name="Content">The note as it stands.</param>
    internal readonly record struct Note(OwnerProcess Owner, long Since, string Content)
    {
        /// <summary>Whether the guest may still be on its way.</summary>
        internal bool IsFresh => Environment.TickCount64 - Since is >= 0 and var age && age < LongestWay.TotalMilliseconds;
    }

    /// <summary>Who made a note, and of which domain; null where the text is no note.</summary>
    internal static NoteOrigin? OriginOf(string content) => Read(content)?.Origin;

    /// <summary>Asks the guest, after noting that.</summary>
    internal void Make()
    {
        _note = Format(OwnerProcess.Current, Environment.TickCount64);
        domain.Control.WriteStore(NotePath, _note);
        domain.Control.WriteStore(ControlPath, Request);
    }

    /// <summary>Takes the request back, in one transaction with looking whether the guest has taken it.</summary>
    /// <returns>False where the guest has taken it, and may act on it.</returns>
    internal bool TryWithdraw() => domain.Control.TrySwapStore(ControlPath, Request, "");

    /// <summary>Whether the guest has taken the request, which it shows by emptying the node.</summary>
    internal bool IsTaken() => domain.Control.ReadStore(ControlPath) is { Length: 0 };

    /// <summary>Removes the note, because the outcome is known; a note that somebody else has made since stays.</summary>
    internal void Remove()
    {
        if (_note is not null)
        {
            domain.Control.TrySwapStore(NotePath, _note, null);
            _note = null;
        }
    }

    /// <summary>Whether somebody has asked the guest for something else since.</summary>
    internal bool IsSomethingElseAsked() => domain.Control.ReadStore(ControlPath) is { Length: > 0 };

    /// <summary>The request whose outcome is open; null where there is none.</summary>
    internal Note? Find() =>
        domain.Control.ReadStore(NotePath) is { } content && Read(content) is { } read && read.Origin.Uuid == domain.Uuid
            ? new Note(read.Origin.Owner, read.Since, content)
            : null;

    /// <summary>Takes over a note, and with it the waiting for the outcome.</summary>
    /// <returns>False where somebody else has, or the outcome is known by now.</returns>
    internal bool TryAdopt(Note note)
    {
        string own = Format(OwnerProcess.Current, note.Since);
        if (!domain.Control.TrySwapStore(NotePath, note.Content, own))
        {
            return false;
        }

        _note = own;
        return true;
    }

    /// <summary>The same request for another connection to the domain, which waits for its outcome from here on.</summary>
    internal SuspendRequest HandOver(KnownDomain other)
    {
        SuspendRequest request = new(other) { _note = _note };
        _note = null;
        return request;
    }

    private static (NoteOrigin Origin, long Since)? Read(string content)
    {
        string[] parts = content.Split(' ');
        return parts.Length == 3
            && OwnerProcess.TryParse(parts[0], out OwnerProcess owner)
            && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long since)
                ? (new NoteOrigin(owner, parts[1]), since)
                : null;
    }

    private string Format(OwnerProcess owner, long since) =>
        string.Create(CultureInfo.InvariantCulture, $"{owner} {domain.Uuid} {since}");
}

using System.Globalization;
using PreRecordMigration.Backup;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;

namespace PreRecordMigration.Hypervisor;

/// <summary>
/// What is noted beside the mark of a domain that leaves: where it goes, and what another tool must know to take its migration over. It
/// is noted together with the mark, so that the two cannot disagree.
/// </summary>
/// <param name="Destination">Where it goes, as <see cref="PeerName"/> allows it; null where nobody knows.</param>
/// <param name="Continuation">How its migration is taken over; null where it cannot be.</param>
/// <param name="HasRun">Whether the destination has said that it runs there: then it can never run here again.</param>
/// <param name="Way">How another process gets there by itself, as <see cref="NotedWay"/> allows it; null where it cannot.</param>
public sealed record Departure(string? Destination, Continuation? Continuation, bool HasRun = false, string? Way = null)
{
    private const string None = "-";
    private const string Ran = "ran";
    private const string Via = "via:";

    /// <summary>The departure as it is noted: words with a space between them.</summary>
    /// <returns>What <see cref="Read"/> takes.</returns>
    public override string ToString()
    {
        string how = Continuation is { } next
            ? string.Create(CultureInfo.InvariantCulture, $" {next.Session:N} {next.Peer ?? None} {next.Method} {next.Mode}{(next.Originals is { } originals ? $" {originals:N}" : "")}")
            : "";
        string via = NotedWay.Of(Way) is { } way ? $" {Via}{way}" : "";
        return $"{PeerName.Of(Destination) ?? None}{how}{via}{(HasRun ? $" {Ran}" : "")}";
    }

    /// <summary>The departure that was noted. It may have been written by anybody: nothing of a note that is not wholly one is believed.</summary>
    /// <param name="noted">What stands beside the mark; null where nothing does.</param>
    /// <returns>Null where it is none.</returns>
    public static Departure? Read(string? noted)
    {
        string[] words = (noted ?? "").Split(' ');
        bool hasRun = words.Length > 1 && words[^1] == Ran;
        words = hasRun ? words[..^1] : words;
        string? way = null;
        if (words.Length > 1 && words[^1].StartsWith(Via, StringComparison.Ordinal))
        {
            way = NotedWay.Of(words[^1][Via.Length..]);
            if (way is null)
            {
                return null;
            }

            words = words[..^1];
        }

        string? destination = words[0] == None ? null : PeerName.Read(words[0]);
        if (destination is null && words[0] != None)
        {
            return null;
        }

        return words.Length switch
        {
            1 => new Departure(destination, null, hasRun, way),
            5 when ReadContinuation(words) is { } next => new Departure(destination, next, hasRun, way),
            6 when ReadContinuation(words) is { } next && Guid.TryParseExact(words[5], "N", out Guid originals) =>
                new Departure(destination, next with { Originals = originals }, hasRun, way),
            _ => null,
        };
    }

    /// <summary>Takes away what was kept of the originals of its checkpoint, where there are any: nobody goes on with its migration.</summary>
    internal void DeleteOriginals()
    {
        if (Continuation?.Originals is { } kept)
        {
            BackupFiles.Delete(kept);
        }
    }

    private static Continuation? ReadContinuation(string[] words) =>
        Guid.TryParseExact(words[1], "N", out Guid session)
        && (words[2] == None || PeerName.Read(words[2]) is not null)
        && Enum.TryParse(words[3], out MigrationMethod method) && Enum.IsDefined(method)
        && Enum.TryParse(words[4], out RecordingMode mode) && Enum.IsDefined(mode)
            ? new Continuation(session, words[2] == None ? null : words[2], method, mode)
            : null;
}

/// <summary>How the migration of a domain that left is taken over by another tool.</summary>
/// <param name="Session">The migration's id, the same at the destination.</param>
/// <param name="Peer">Who the destination is, as the transport proved it; null where it proved nothing. Nobody else is believed.</param>
/// <param name="Method">How memory travels.</param>
/// <param name="Mode">What the recording did to the domain; of methods that record.</param>
/// <param name="Originals">What travels is the memory of the checkpoint, whose originals are kept by this name; null where what is in the domain's
/// memory travels.</param>
public sealed record Continuation(Guid Session, string? Peer, MigrationMethod Method, RecordingMode Mode, Guid? Originals = null);

/// <summary>A domain that was leaving when its tool ended, opened as it stands.</summary>
/// <param name="Domain">The domain. It does not run, and may run elsewhere.</param>
/// <param name="Departure">What was noted of it; it has a continuation.</param>
/// <param name="Outputs">What holds its outputs back; null where nothing does.</param>
public sealed record LeftDomain(ISourceDomain Domain, Departure Departure, IOutputPlug? Outputs = null)
{
    /// <summary>Refuses to take a domain back of which it is known that it ran at its destination.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="departure">What was noted of it.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>.</exception>
    internal static void RequireNeverRan(string name, Departure? departure)
    {
        if (departure is { HasRun: true })
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} ran at its destination, {departure.Destination ?? "of which nothing is noted"}: what stands here is the memory that it still misses there, and cannot run.",
                $"Resume-Migration {name} -TakeOver goes on with the migration.",
                name);
        }
    }

    /// <summary>Refuses a domain whose migration cannot be taken over.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="mark">Its mark.</param>
    /// <param name="departure">What was noted beside it.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>.</exception>
    internal static Departure Require(string name, SourceMark? mark, Departure? departure)
    {
        if (mark != SourceMark.Leaving)
        {
            throw new MigrationException(
                MigrationErrorId.DomainState,
                $"{name} was not leaving when a tool ended: there is no migration to take over.",
                "Migrate it: whatever a killed tool left is mended first.",
                name);
        }

        return departure is { Continuation: not null } ? departure : throw new MigrationException(
            MigrationErrorId.DomainState,
            $"{name} was moving when its tool was killed, and nothing is noted that another tool could go on with.",
            $"Look at {departure?.Destination ?? "its destination"}. Only where {name} certainly never ran there: Stop-Migration {name} -NeverRanThere wakes it here.",
            name);
    }
}

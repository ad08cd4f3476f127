using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Operations;

/// <summary>What is waited for at an end, and what is said of it.</summary>
internal abstract class EndWords
{
    /// <summary>What ends, as a part of a sentence.</summary>
    public abstract string What { get; }

    /// <summary>Whether what has left or has run is waited for; else it goes on.</summary>
    public abstract bool AwaitsWhatHasLeft { get; }

    /// <summary>That work is waited for.</summary>
    /// <param name="remains">What is said of it where it has not ended.</param>
    public abstract string Working(string remains);

    /// <summary>That a recording is waited for.</summary>
    /// <param name="held">The recording.</param>
    public abstract string LettingGo(LiveRecording held);

    /// <summary>That a migration is waited for.</summary>
    /// <param name="job">The migration.</param>
    public abstract string Waiting(MigrationJob job);

    /// <summary>That a migration is not waited for any more.</summary>
    /// <param name="job">The migration.</param>
    public abstract string WithoutWaiting(MigrationJob job);

    /// <summary>That a migration is interrupted, and what comes next.</summary>
    /// <param name="job">The migration.</param>
    public abstract string Interrupted(MigrationJob job);

    /// <summary>That what comes in is waited for.</summary>
    /// <param name="receiver">Its receiver.</param>
    public abstract string Waiting(MigrationReceiver receiver);

    /// <summary>What becomes of a receiver that still has something, or has not ended; null for nothing to say.</summary>
    /// <param name="receiver">The receiver.</param>
    /// <param name="hasEnded">Whether there is nothing more to wait for.</param>
    public abstract string? After(MigrationReceiver receiver, bool hasEnded);

    /// <summary>What a receiver has that is not at its end.</summary>
    /// <param name="receiver">The receiver.</param>
    public static IncomingMigration[] LeftIn(MigrationReceiver receiver) =>
        [.. receiver.Incoming.Where(incoming => incoming.IsKept || !incoming.Ended.IsCompleted)];

    /// <summary>Whether a domain that comes in has run here, and comes on.</summary>
    /// <param name="incoming">Its migration.</param>
    public static bool HasRun(IncomingMigration incoming) => !incoming.Ended.IsCompleted && incoming.Holding != IncomingHolding.Preparing;

    /// <summary>Whether a migration ends with its host, so that nobody can take it over.</summary>
    /// <param name="job">The migration.</param>
    protected static bool IsSimulated(MigrationJob job) => job.Location.Info.Kind == DomainKind.Simulated;

    /// <summary>What comes next, as a part of a sentence; nothing where the host ends with the session, and nobody can take anything over.</summary>
    protected static string Next(bool isSimulated, string words, params object[] of) => isSimulated ? "" : Text.Format(words, of);

    /// <summary>The names of domains that come in.</summary>
    protected static string Names(IEnumerable<IncomingMigration> incoming) => string.Join(", ", incoming.Select(one => $"'{one.DomainName}'"));

    /// <summary>How far a migration that has left is: its number, its domain, pages, the time to go, who has the domain, the limit.</summary>
    protected static object[] Describe(MigrationJob job)
    {
        MigrationInfo now = job.Describe();
        string remaining = now.Remaining is >= 1 and { } left ? Text.Format(SR.ExitRemaining, Text.Duration(TimeSpan.FromSeconds(left))) : "";
        return [job.Id, now.Name, now.PagesDone, now.PagesTotal, remaining, job.ExplainHolder(), Text.Duration(EndLimits.Of(job))];
    }

    /// <summary>How far what comes in is: the host, the domains, the pages that are missing, the limit.</summary>
    protected static object[] Describe(MigrationReceiver receiver) =>
    [
        receiver.Host.Name,
        Names(receiver.Incoming.Where(incoming => !incoming.Ended.IsCompleted)),
        receiver.Incoming.Sum(incoming => (long)incoming.MissingPages),
        Text.Duration(EndLimits.Of(receiver)),
    ];

    /// <summary>What a migration is that is to stop: its number, its domain, who has it, the limit, its host.</summary>
    protected static object[] DescribeStopping(MigrationJob job) =>
        [job.Id, job.Location.Info.Name, job.ExplainHolder(), Text.Duration(EndLimits.Stop), job.Location.Host.Name];
}

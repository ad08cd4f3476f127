using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.History;

/// <summary>
/// How migrations ended, whatever process had them: in the system's journal, where there is one, and in a file of the user's
/// (<see cref="StateFolder"/>). What cannot be noted keeps no migration from ending.
/// </summary>
public sealed class MigrationHistory
{
    /// <summary>The environment variable that names another socket of the system's journal, by its path.</summary>
    public const string JournalVariableName = SystemJournal.VariableName;

    /// <summary>How long the end of a migration waits for its line: a disk that hangs must not keep it.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>What the names of this module's own fields in the journal begin with.</summary>
    private const string Own = "PRERECORD_";

    private readonly string? _folder;
    private readonly string? _journal;
    private volatile MigrationException? _problem;

    /// <summary>The history of this process's user.</summary>
    public MigrationHistory()
    {
    }

    /// <summary>A history elsewhere.</summary>
    /// <param name="folder">The folder of its file.</param>
    /// <param name="journal">The journal's socket.</param>
    internal MigrationHistory(string folder, string journal) => (_folder, _journal) = (folder, journal);

    /// <summary>What says how much is kept, asked whenever an entry is noted; it may throw what cmdlets throw. Null for the defaults.</summary>
    public Func<HistoryLimits>? Configured { get; set; }

    /// <summary>Why the last entry of this process is not in the file, or not as it was configured; null where it is.</summary>
    public MigrationException? Problem => _problem;

    /// <summary>Notes an end, and says where that cannot be done.</summary>
    /// <param name="entry">The end.</param>
    /// <returns>Why it is not in the file; null where it is.</returns>
    public MigrationException? Note(HistoryEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        _ = SystemJournal.Send(Fields(entry), _journal);
        try
        {
            Task<MigrationException?> noting = Task.Factory.StartNew(
                () => Append(entry), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return _problem = noting.Wait(s_patience)
                ? noting.Result
                : new MigrationException(
                    MigrationErrorId.AccessDenied,
                    $"The history's file takes longer than {s_patience.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s.",
                    "Look at its disk. What is still written comes late.");
        }
#pragma warning disable CA1031 // Whatever fails of a note, the migration whose end it is goes on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return _problem = new MigrationException(
                MigrationErrorId.AccessDenied, $"The history cannot be written: {error.Message}", "Look at the host's memory and threads.", null, error);
        }
    }

    /// <summary>Reads what is noted.</summary>
    /// <param name="isMeant">Which entries.</param>
    /// <param name="last">How many of them, the newest; null for all.</param>
    /// <exception cref="MigrationException">It cannot be read, or others may write it.</exception>
    public HistoryReading Read(Func<HistoryEntry, bool>? isMeant = null, int? last = null)
    {
        Queue<HistoryEntry> found = new();
        int unread = 0;
        new HistoryFile(_folder ?? StateFolder.Find()).Read(line =>
        {
            if (line is not { } bytes || !HistoryLine.TryRead(bytes, out HistoryEntry? entry))
            {
                unread++;
            }
            else if (isMeant?.Invoke(entry) != false)
            {
                found.Enqueue(entry);
                if (found.Count > last)
                {
                    found.Dequeue();
                }
            }
        });
        return new HistoryReading([.. found], unread);
    }

    /// <summary>An entry's fields in the journal.</summary>
    internal static IEnumerable<(string Name, string? Value)> Fields(HistoryEntry entry) =>
    [
        ("MESSAGE_ID", MessageIdOf(entry.Fate)),
        ("MESSAGE", entry.ToString()),
        ("PRIORITY", PriorityOf(entry)),
        ("SYSLOG_IDENTIFIER", "prerecord"),
        (Own + "DOMAIN", entry.Name),
        (Own + "SIDE", entry.Side.ToString()),
        (Own + "FATE", entry.Fate.ToString()),
        (Own + "SOURCE", entry.Source),
        (Own + "DESTINATION", entry.Destination),
        (Own + "METHOD", entry.Method?.ToString()),
        (Own + "MODE", entry.Mode?.ToString()),
        (Own + "HYPERVISOR", entry.Hypervisor),
        (Own + "ATTEMPTS", Text(entry.Attempts)),
        (Own + "TOTAL_TIME", Text(entry.TotalTime)),
        (Own + "DOWNTIME", Text(entry.Downtime)),
        (Own + "BYTES_SENT", Text(entry.BytesSent)),
        (Own + "REMOTE_FAULTS", Text(entry.RemoteFaults)),
        (Own + "ERROR_ID", entry.ErrorId),
    ];

    /// <summary>What tells the journal's messages of one kind from all others. docs/operating.md has them: never another for the same.</summary>
    private static string MessageIdOf(HistoryFate fate) => fate switch
    {
        HistoryFate.Moved => "68e96bfd2f094ed194f056f67fab87b4",
        HistoryFate.RanOn => "d2b768c7d3f6431da19631611a904a40",
        HistoryFate.NeverRan => "156a0d00d1f444c190a9a55e06967259",
        HistoryFate.Interrupted => "94ed742ad92840e4b6dcae99026ef1ad",
        HistoryFate.GivenUp => "826c4680b4a1478ebc7cc00259974439",
        HistoryFate.Unfinished => "7ab14ac0cd22481daf199442ec7132e4",
        _ => throw new ArgumentOutOfRangeException(nameof(fate), fate, null),
    };

    /// <summary>As syslog counts: 3 an error, 4 a warning, 6 for information.</summary>
    private static string PriorityOf(HistoryEntry entry) => entry.Fate switch
    {
        HistoryFate.Interrupted or HistoryFate.Unfinished => "3",
        HistoryFate.GivenUp => "4",
        _ => entry.Error is null ? "6" : "4",
    };

    private static string? Text(IFormattable? number) => number?.ToString(null, CultureInfo.InvariantCulture);

    private MigrationException? Append(HistoryEntry entry)
    {
        MigrationException? problem = null;
        HistoryLimits limits = HistoryLimits.Default;
        try
        {
            limits = Configured?.Invoke() ?? limits;
        }
#pragma warning disable CA1031 // What is configured is another layer's matter; a migration's end is noted all the same.
        catch (Exception error)
#pragma warning restore CA1031
        {
            problem = new MigrationException(
                MigrationErrorId.InvalidOption, $"How much the history keeps cannot be read: {error.Message}", "Mend the settings; until then the defaults hold.", null, error);
        }

        try
        {
            new HistoryFile(_folder ?? StateFolder.Find()).Append(HistoryLine.Write(entry), limits);
            return problem;
        }
        catch (MigrationException error)
        {
            return error;
        }
    }
}

/// <summary>What was read of the history.</summary>
/// <param name="Entries">The entries, newest last.</param>
/// <param name="Unread">How many lines are none: torn ones, those of another version, and what somebody else wrote.</param>
public sealed record HistoryReading(IReadOnlyList<HistoryEntry> Entries, int Unread);

using PreRecordMigration.Processes;

namespace PreRecordMigration.Operations;

/// <summary>Another process of this user on this machine, as far as it answers, at one moment.</summary>
public sealed record ProcessElsewhere
{
    internal ProcessElsewhere(OwnerProcess process, string path) =>
        (Process, Path, Description, Service) = (process, path, process.Describe(), process.Service);

    /// <summary>Its id.</summary>
    public int Id => Process.Id;

    /// <summary>How an administrator finds it, or found it: its id, what it runs, and since when.</summary>
    public string Description { get; }

    /// <summary>The service of the system that it is, such as <c>prerecord-receiver.service</c>; null where it is none of this module's.</summary>
    public string? Service { get; }

    /// <summary>What it had said last of its migrations, oldest first.</summary>
    public IReadOnlyList<MigrationInfo> Migrations { get; private init; } = [];

    /// <summary>What it had said last of its receivers.</summary>
    public IReadOnlyList<MigrationReceiverInfo> Receivers { get; private init; } = [];

    /// <summary>How many of both it has and did not say, because they are too many.</summary>
    public int Omitted { get; private init; }

    /// <summary>Why nothing newer is known of it; null where it answers.</summary>
    public string? Problem { get; internal init; }

    /// <summary>Whether it has ended, or takes no part any more: nothing newer will be known.</summary>
    public bool HasEnded { get; internal init; }

    /// <summary>The same with what it says now. Whose it is, the kernel says.</summary>
    internal ProcessElsewhere Says(BoardWord word) => this with
    {
        Migrations = [.. word.Migrations.Select(migration => migration with { ProcessId = Id })],
        Receivers = [.. word.Receivers.Select(receiver => receiver with { ProcessId = Id })],
        Omitted = word.Omitted,
        Problem = null,
    };

    /// <summary>Its socket, as it was found.</summary>
    internal string Path { get; private init; }

    /// <summary>Which process it is.</summary>
    internal OwnerProcess Process { get; }
}

using PreRecordMigration.Operations;

namespace PreRecordMigration.Cmdlets;

/// <summary>The original contents that a held recording keeps, as they were when they were asked for.</summary>
/// <param name="Name">The domain.</param>
/// <param name="HostName">The host it is on.</param>
/// <param name="PageCount">How many pages are backed up.</param>
/// <param name="Bytes">The memory that the store holds for them.</param>
/// <param name="Limit">The most that the store may hold, in bytes.</param>
/// <param name="Pfn">The page frame numbers, ascending.</param>
/// <param name="PreRecord">The recording: pipe it on to roll the domain back.</param>
public sealed record PageBackupInfo(
    string Name, string HostName, int PageCount, long Bytes, long Limit, Listed<int> Pfn, PreRecord PreRecord);

/// <summary>RemotePF of one domain, as it was when it was asked for.</summary>
/// <param name="Name">The domain.</param>
/// <param name="HostName">The host on which it runs, or is to run.</param>
/// <param name="IsEnabled">Whether its memory may arrive after it runs.</param>
/// <param name="State">Decided (for a recording that is not moved yet), or where the incoming migration stands.</param>
/// <param name="MissingPages">Pages that have not arrived.</param>
/// <param name="RemoteFaults">Remote page faults so far.</param>
/// <param name="WaitingFaults">Those of them that wait now.</param>
public sealed record RemotePFInfo(
    string Name, string HostName, bool IsEnabled, string State, int MissingPages, long RemoteFaults, int WaitingFaults);

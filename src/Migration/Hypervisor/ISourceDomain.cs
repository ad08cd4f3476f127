using PreRecordMigration.Backup;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;
using PreRecordMigration.Pages;
using PreRecordMigration.Recording;

namespace PreRecordMigration.Hypervisor;

/// <summary>A running domain as the source of a migration.</summary>
/// <remarks>
/// <para>Rollback: <see cref="PlugOutputs"/>, <see cref="Suspend"/>, <see cref="IOutputPlug.Hold"/>, <see cref="StartRecording"/> with backups,
/// <see cref="CaptureCoreState"/>, <see cref="Resume"/>, <see cref="RunFor"/>, <see cref="Pause"/>.</para>
/// <para>Observe: <see cref="StartRecording"/> without backups, <see cref="RunFor"/>, <see cref="Suspend"/>,
/// <see cref="CaptureCoreState"/>.</para>
/// <para>Until <see cref="Destroy"/>, disposing the recorder and calling <see cref="Resume"/> makes the domain run on
/// here as if nothing had been. Who may do so, and when, <see cref="Custody.SourceCustody"/> decides: disposing frees this
/// object's handles, gives the domain back, and decides nothing.</para>
/// <para><see cref="Suspend"/>, <see cref="Pause"/>, <see cref="Resume"/> and <see cref="Destroy"/> look at what the domain is, not at
/// what was asked of this object before: a call that took effect and reported an error can be made again.</para>
/// </remarks>
public interface ISourceDomain : IDisposable
{
    /// <summary>The domain, as it was when it was opened.</summary>
    DomainInfo Info { get; }

    /// <summary>The domain's live memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>
    /// Whether something beside the vCPUs may write to the domain's memory without a trap, as a device emulator does through
    /// mappings of its own. A rollback of such a domain rests on its proof.
    /// </summary>
    bool HasUnseenWriters { get; }

    /// <summary>
    /// Whether <see cref="StartDirtyTracking"/> sees every write of the vCPUs by a mechanism of its own, beside a recording with backups: a second
    /// witness of what was written. Only where it was seen to be one; where not, a rollback is proved by all memory.
    /// </summary>
    bool HasWriteWitness { get; }

    /// <summary>Which page frames are populated. Reading it again sees later changes.</summary>
    PageBitmap GetPopulatedPages();

    /// <summary>What a destination must know to prepare a domain like this one; the domain may run meanwhile.</summary>
    DomainDescription Describe();

    /// <summary>
    /// Compares the stopped domain with what was announced of it: devices, vCPUs, memory, and that it is still the same
    /// domain. Cheap enough for the downtime.
    /// </summary>
    /// <param name="announced">What <see cref="Describe"/> returned before.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainChanged"/>: the message names what changed.</exception>
    void RequireUnchanged(DomainDescription announced);

    /// <summary>Notes outside of this process what the next tool must know of the domain should this one die.</summary>
    /// <param name="mark">What to note; null takes the note away.</param>
    /// <param name="departure">Where the domain goes and how its migration is taken over, noted in the same step; null where it goes nowhere.</param>
    void Mark(SourceMark? mark, Departure? departure = null);

    /// <summary>Finds out how everything that the domain sends and writes can be held back. Nothing is done about it yet.</summary>
    /// <param name="limits">How much is held back at most.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>: a device of the domain cannot
    /// be isolated; the message names it.</exception>
    IOutputPlug PlugOutputs(OutputLimits limits);

    /// <summary>Asks the guest to suspend and waits until it has: its devices are quiet and its state is complete.</summary>
    /// <param name="timeout">How long the guest may take.</param>
    /// <param name="cancellationToken">Gives up; the domain runs on.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.SuspendTimeout"/>: the guest did not suspend; the
    /// domain runs on.</exception>
    void Suspend(TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Of the last <see cref="Suspend"/> how long it took until the guest had taken the request; zero where that cannot be told.</summary>
    TimeSpan AskTime { get; }

    /// <summary>Stops the vCPUs where they stand, without the guest's knowledge.</summary>
    void Pause();

    /// <summary>Lets a suspended or paused domain run on here. Does nothing for one that runs.</summary>
    void Resume();

    /// <summary>Lets the running domain run for a time, then returns; it goes on running. Where its outputs are held back and nearly as much is held as
    /// can be (<see cref="IOutputPlug.IsNearlyFull"/>), it returns at once: the domain must be stopped then.</summary>
    /// <param name="duration">In the domain's time: wall-clock on a real host, exact operations on a simulated one.</param>
    /// <param name="cancellationToken">Returns early with <see cref="OperationCanceledException"/>.</param>
    void RunFor(TimeSpan duration, CancellationToken cancellationToken);

    /// <summary>
    /// Traps every populated page, so that the first touch of each epoch is recorded. The domain may run or be suspended.
    /// </summary>
    /// <param name="backups">Receives the original content of each page before its first write, and of the pages whose
    /// writes cannot be trapped at once; null to record only. The domain must be suspended where it is not null.</param>
    IAccessRecorder StartRecording(PageBackup? backups);

    /// <summary>Starts tracking written pages, for rounds of pre-copy and as a second witness beside a recording. The domain may run or be suspended.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/> with the reason.</exception>
    IDirtyTracker StartDirtyTracking();

    /// <summary>
    /// Captures what the destination needs before the domain may run there. The guest's page tables are not included where
    /// the engine can walk them from each vCPU's CR3, and adds them; they are, in front of the other pages, where they hold
    /// machine frames (PV).
    /// </summary>
    /// <remarks>Only while suspended. The pages are those which can never be missing: shared with the hypervisor or with
    /// backends, or used by it without a fault.</remarks>
    /// <param name="populated">The domain's pages, as <see cref="GetPopulatedPages"/> has said since it stands: it is not asked again, because that takes
    /// the longer the larger the domain is.</param>
    CoreState CaptureCoreState(PageBitmap populated);

    /// <summary>Ends the domain here. Returns only when it is gone; gone already is no error.</summary>
    void Destroy();
}

/// <summary>What is noted of a source domain outside of the process that works on it, for the next one.</summary>
public enum SourceMark
{
    /// <summary>It runs, perhaps with traps: the next tool removes them.</summary>
    Running,

    /// <summary>It stands still, and nobody else can have its state: the next tool wakes it.</summary>
    Stopped,

    /// <summary>It stands still and may run elsewhere: the next tool leaves it alone, and says where to look.</summary>
    Leaving,

    /// <summary>It is wholly elsewhere, or was given up: the next tool destroys it.</summary>
    Destroying,
}

/// <summary>Records a domain's accesses, epoch by epoch. Disposing removes every trap; the domain is left as it stands.</summary>
public interface IAccessRecorder : IDisposable
{
    /// <summary>Whether the order of records inside an epoch is the order of the accesses, at least of those to pages that are new
    /// to the recording.</summary>
    bool IsEpochOrdered { get; }

    /// <summary>Pages whose accesses cannot be trapped: they must be taken as touched and written in every epoch.</summary>
    PageBitmap UntrackedPages { get; }

    /// <summary>
    /// Saves and empties the trap: pages touched since the last call are trapped again, and what is recorded from here on
    /// belongs to the next epoch. Recording begins in epoch 0.
    /// </summary>
    void BeginEpoch();

    /// <summary>Takes the records made since the last call, in order.</summary>
    /// <param name="records">Receives up to its length.</param>
    /// <returns>How many were written; 0 when there are none for now.</returns>
    int Drain(Span<AccessRecord> records);
}

/// <summary>Tracks which pages a domain writes. Disposing ends it.</summary>
public interface IDirtyTracker : IDisposable
{
    /// <summary>Reports the pages written since the last call (or the start) and begins anew, in one atomic step a page.</summary>
    /// <param name="dirty">Receives the pages; cleared first. Untrackable pages are always among them.</param>
    void Collect(PageBitmap dirty);
}

/// <summary>
/// Holds back what a domain sends and writes. It remembers nothing that is not also outside of this process: a step that failed can be made again, and
/// the plug of a killed process is taken over by the next.
/// </summary>
/// <remarks><see cref="Prepare"/>, <see cref="Hold"/> at the checkpoint, then <see cref="Release"/>; or <see cref="SetAside"/>, and then
/// <see cref="Drop"/>, or <see cref="Release"/> where the domain comes back.</remarks>
public interface IOutputPlug
{
    /// <summary>How many outputs (packets, blocks, messages) are held.</summary>
    long HeldCount { get; }

    /// <summary>Whether so much is held that the domain must be stopped, so that what is under way still has room. Cheap.</summary>
    bool IsNearlyFull { get; }

    /// <summary>Whether the domain may run although <see cref="Release"/> failed: what it writes finds its way.</summary>
    bool MayRun { get; }

    /// <summary>Makes all that is needed. The domain may run; nothing is held yet.</summary>
    void Prepare();

    /// <summary>From here on everything is held. The domain stands still; what it sent and wrote before goes where it was to go.</summary>
    void Hold();

    /// <summary>
    /// The domain is about to leave: its disks are as they were at the checkpoint, for whoever has it next, and what is held stays held. The domain stands
    /// still. It may still come back.
    /// </summary>
    void SetAside();

    /// <summary>Everything held goes where it was to go, in order, and the isolation ends: the domain runs on here. It stands still
    /// until this has been done, unless nothing was ever held.</summary>
    void Release();

    /// <summary>Throws everything held away: the window is rolled back, and the destination will produce it again. The domain never runs on from the
    /// window's end: it is about to be destroyed, or put back to the checkpoint.</summary>
    void Drop();
}

using PreRecordMigration.CoreStates;
using PreRecordMigration.Errors;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Hypervisor;

/// <summary>A domain that a migration comes into. It exists and is paused from the start.</summary>
/// <remarks>
/// Order of calls: <see cref="EnableRemotePF"/> (where memory arrives after the start), <see cref="IRemotePaging.TakeAway"/>,
/// <see cref="Restore"/>, <see cref="Unpause"/>, …, RemotePF off, <see cref="Complete"/>. Disposing frees this object's handles and decides nothing:
/// <see cref="Custody.IncomingCustody"/> says when the domain is destroyed. <see cref="Unpause"/>, <see cref="Pause"/>,
/// <see cref="Complete"/> and <see cref="Destroy"/> can be made again where they took effect and reported an error.
/// </remarks>
public interface IIncomingDomain : IDisposable
{
    /// <summary>The incoming domain; its name may be provisional until <see cref="Complete"/>.</summary>
    DomainInfo Info { get; }

    /// <summary>The incoming domain's memory; missing pages can neither be read nor written.</summary>
    IGuestMemory Memory { get; }

    /// <summary>Whether something beside the domain, as an emulator is, may touch its memory while <see cref="Restore"/>
    /// runs: faults must then be served meanwhile, or it does not end.</summary>
    bool IsTouchedByRestore { get; }

    /// <summary>
    /// RemotePF on: faults of the domain come here. Nothing is missing yet, and the domain's memory can be written until
    /// <see cref="IRemotePaging.TakeAway"/>. Before <see cref="Restore"/>. Of a domain that another tool has left (<see cref="LeftArrival"/>): takes charge of its faults, wakes
    /// whoever waited, and has at least the pages missing that the hypervisor holds to be missing. To place one of the others changes nothing.
    /// </summary>
    IRemotePaging EnableRemotePF();

    /// <summary>Restores vCPUs, devices and p2m, and places the core state's pages; the domain stays paused.</summary>
    void Restore(CoreState core, CancellationToken cancellationToken);

    /// <summary>How long <see cref="Restore"/> waited for the host's toolstack; zero before it, and where it needs none.</summary>
    TimeSpan ToolstackTime { get; }

    /// <summary>Whether a vCPU of the domain has ever run here: what its hypervisor says, not what was asked of this object.</summary>
    /// <exception cref="MigrationException">It cannot be known.</exception>
    bool HasRun { get; }

    /// <summary>Notes outside of this process what the next tool must know of the domain should this one die.</summary>
    /// <param name="mark">What to note; null takes the note away.</param>
    /// <param name="source">Where the domain comes from, as <see cref="PeerName.Of"/> made it; null where nobody knows.</param>
    void Mark(IncomingMark? mark, string? source = null);

    /// <summary>Keeps outside of this process what another tool needs to go on with the domain should this one die. It goes with the
    /// mark.</summary>
    /// <param name="journal">What to keep; the host does not look into it.</param>
    /// <exception cref="MigrationException">It cannot be kept.</exception>
    void Keep(ReadOnlyMemory<byte> journal);

    /// <summary>Lets the domain run: the commit. Again after <see cref="Pause"/>: a resumed migration.</summary>
    void Unpause();

    /// <summary>Stops the vCPUs where they stand: a lost connection pauses.</summary>
    void Pause();

    /// <summary>Everything is here and the source has let go: gives the domain its final name.</summary>
    void Complete();

    /// <summary>Destroys the domain. To return is the proof that no copy is left here; gone already is no error.</summary>
    void Destroy();
}

/// <summary>What is noted of an incoming domain outside of the process that works on it, for the next one.</summary>
public enum IncomingMark
{
    /// <summary>It has never run, and its source has it: the next tool destroys it.</summary>
    Preparing,

    /// <summary>It runs here, or is about to, and its source may still have pages of it: the next tool keeps it.</summary>
    Started,

    /// <summary>It runs here and nothing of it is missing: the next tool keeps it running.</summary>
    Whole,
}

/// <summary>
/// RemotePF, switched on: the faults of one incoming domain. <see cref="WaitFault"/> and <see cref="Place"/> run from
/// several threads at once.
/// </summary>
/// <remarks>Disposing while pages are missing leaves the domain paused and its faults unanswered.</remarks>
public interface IRemotePaging : IDisposable
{
    /// <summary>The pages that have not been placed. Live: shared with the placing threads.</summary>
    PageBitmap Missing { get; }

    /// <summary>
    /// Takes pages away, with what is in them: the guest's touch of one is a fault that comes here. Once, before
    /// <see cref="IIncomingDomain.Restore"/>, which must bring the content of those that cannot be taken away: they are not among
    /// <see cref="Missing"/> then.
    /// </summary>
    /// <param name="pages">Populated pages.</param>
    /// <exception cref="MigrationException">It failed, perhaps with some of them taken away: the domain cannot be used.</exception>
    void TakeAway(PageBitmap pages);

    /// <summary>Waits for faults on missing pages.</summary>
    /// <param name="faults">Receives what there is, at least one unless 0 is returned.</param>
    /// <param name="timeout">How long to wait at most.</param>
    /// <param name="cancellationToken">Ends the wait with <see cref="OperationCanceledException"/>.</param>
    /// <returns>How many were written; 0 when the time is over. A fault whose page is there by now is answered, not
    /// reported.</returns>
    int WaitFault(Span<PageFault> faults, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Places pages and wakes the vCPUs that wait for them. The caller gives each page once.</summary>
    /// <param name="pfns">Missing pages.</param>
    /// <param name="pages"><see cref="Page.Size"/> bytes for each, in the same order.</param>
    void Place(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages);

    /// <summary>RemotePF off: faults take the normal path again.</summary>
    /// <exception cref="InvalidOperationException">Pages are still missing.</exception>
    void Disable();
}

/// <summary>A fault on a missing page.</summary>
/// <param name="Pfn">The page.</param>
/// <param name="Vcpu">The vCPU that waits, or −1 where the toucher is not a vCPU (a backend).</param>
/// <param name="Timestamp">When it was seen, in <see cref="TimeProvider.GetTimestamp"/> ticks of the system's provider.</param>
public readonly record struct PageFault(int Pfn, int Vcpu, long Timestamp);

using PreRecordMigration.Errors;
using PreRecordMigration.Policies;

namespace PreRecordMigration.Hypervisor;

/// <summary>A host as the engine needs it: what it can do, its domains, and a place for an incoming one.</summary>
public interface IMigrationHost : IDisposable
{
    /// <summary>The name administrators use for the host.</summary>
    string Name { get; }

    /// <summary>The hypervisor and its version, such as "Xen 4.17.5" or "Simulated".</summary>
    string Hypervisor { get; }

    /// <summary>Memory that no domain holds, in bytes.</summary>
    long FreeMemoryBytes { get; }

    /// <summary>What the host can do, and why not where it cannot.</summary>
    CapabilityReport GetCapabilities();

    /// <summary>What the host can do with domains of one kind: it may record some kinds and not others.</summary>
    CapabilityReport GetCapabilities(DomainKind kind);

    /// <summary>
    /// What the host can do, as <see cref="GetCapabilities()"/> says it, and after it what that rests on: version, builds,
    /// toolstack, free memory. May start a program and take a second: for whoever looks, not for every move.
    /// </summary>
    CapabilityReport Examine();

    /// <summary>The host's domains, the control domain left out, ordered by name.</summary>
    IReadOnlyList<DomainInfo> GetDomains();

    /// <summary>
    /// Refuses a domain that sends something out which cannot be held back during a window that is rolled back. Looks, and
    /// touches nothing.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.OutputNotIsolable"/>, with what it is and what to do;
    /// or <see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    void RequireIsolableOutputs(string name);

    /// <summary>
    /// Refuses a domain of which pages can be neither recorded nor sent after it runs, because somebody touches them without a trap, as an emulated graphics
    /// card does: without traps it can move all the same. Looks, and touches nothing.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotSupported"/>, with what it is and what to do;
    /// or <see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    void RequireTrappable(string name);

    /// <summary>
    /// What another host is told of a domain so that it can say whether it lets it in: as <see cref="ISourceDomain.Describe"/>,
    /// without a list of its pages. Looks, and touches nothing.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    DomainDescription Announce(string name);

    /// <summary>Says whether the host lets a domain in, as <see cref="CreateIncoming"/> would. Looks, and makes nothing.</summary>
    /// <param name="description">What the source says of the domain, with or without its pages; it may be hostile.</param>
    /// <exception cref="MigrationException">The host's policy cannot be used, or the description is malformed.</exception>
    AdmissionVerdict Judge(DomainDescription description);

    /// <summary>
    /// Refuses a domain that a recording or a migration works on, of this process or of another one. Looks, and touches nothing.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>, with who works on it where that is known;
    /// or <see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    void RequireUnclaimed(string name);

    /// <summary>Opens a domain as the source of a recording or a migration.</summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/>, or the reason why the domain
    /// cannot be opened. A domain that an earlier, killed process left trapped or paused is mended first.</exception>
    ISourceDomain OpenSource(string name);

    /// <summary>
    /// Opens a domain that was leaving when its process ended, by the administrator's word that it never ran elsewhere: it is woken, as one
    /// that was stopped. No program can find out whether that is true.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it was not leaving; or what
    /// <see cref="OpenSource"/> throws.</exception>
    ISourceDomain OpenLeft(string name);

    /// <summary>
    /// Opens a domain that was leaving when its process ended as it stands, so that its migration can be taken over: it is not woken, for it
    /// may run at its destination. Of two tools that try so one succeeds.
    /// </summary>
    /// <param name="name">The domain's name, matched exactly.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainState"/>: it was not leaving, or nothing is noted of its
    /// migration that another tool could go on with; or what <see cref="OpenSource"/> throws.</exception>
    LeftDomain OpenLeaving(string name);

    /// <summary>The domains that are here and that a process held which has ended, whatever ended it. Looks, and touches nothing.</summary>
    IReadOnlyList<LeftBehind> GetLeftBehind();

    /// <summary>Takes down what came in by a process that was killed, and that never ran: nobody goes on with it. With it goes what killed processes left of
    /// domains that are not here any more.</summary>
    void SweepArrivals();

    /// <summary>Whether a domain came in here by a process that was killed, never ran, and was taken down by another one.</summary>
    /// <param name="which">Whether what was kept of it (<see cref="IIncomingDomain.Keep"/>) is what is looked for.</param>
    /// <returns>True is known for sure; false where it is not known, or not any more: it may have run.</returns>
    bool HasTakenDown(Func<ReadOnlyMemory<byte>, bool> which);

    /// <summary>
    /// This host as it takes in domains that this process itself sends to it, as one that goes back to its checkpoint in a fresh domain:
    /// they can only be the host's own, so that no policy judges them. Only a receiver that nobody else can reach may use it.
    /// </summary>
    IMigrationHost ForItself => this;

    /// <summary>
    /// Creates the paused domain that a migration comes into, with every populated page allocated but no content yet.
    /// </summary>
    /// <param name="description">What the source says of the domain.</param>
    /// <param name="cancellationToken">Ends the work; what was made is taken down again.</param>
    /// <exception cref="MigrationException">Among others <see cref="MigrationErrorId.RefusedByPolicy"/> and
    /// <see cref="MigrationErrorId.DeviceMissing"/> or <see cref="MigrationErrorId.HostIncompatible"/>, before anything is made, and <see cref="MigrationErrorId.OutOfMemory"/>.</exception>
    IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken);

    /// <summary>
    /// Opens a domain that came in and whose tool was killed as it stands, paused, so that its migration can be taken over. Of two tools
    /// that try so one succeeds.
    /// </summary>
    /// <param name="which">Is shown what <see cref="IIncomingDomain.Keep"/> kept of each; says what its source said of the one that is
    /// looked for, and null of the others. It may throw, which ends the search.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainBusy"/>: a living tool works on it; or it cannot be
    /// opened, and is left as it was.</exception>
    LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which);
}

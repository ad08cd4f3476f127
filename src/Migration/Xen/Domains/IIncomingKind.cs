using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Domains;

/// <summary>
/// What differs between the kinds of domains while they are made at the destination: what the stream says that the toolstack's child
/// reads, and how their pages are allocated. <c>IncomingCreation</c> does what is the same for all: the child, the name and the mark.
/// </summary>
internal interface IIncomingKind
{
    /// <summary>The domain's pages.</summary>
    IncomingPages Pages { get; }

    /// <summary>Writes the stream's beginning, from which the child makes the domain.</summary>
    /// <param name="input">What the child reads.</param>
    /// <param name="settings">What the stream says of the domain before its checkpoint, whatever its kind.</param>
    void BeginStream(Stream input, SynthesisedRestoreSettings settings);

    /// <summary>Writes the rest of the first stage.</summary>
    void AnnouncePages();

    /// <summary>Waits until every page of the domain is allocated, or allocates them.</summary>
    void Allocate(IRestoreProcess process, int domid, CancellationToken cancellationToken);

    /// <summary>The domain's mechanism.</summary>
    /// <param name="restore">The waiting child.</param>
    /// <param name="domid">The domain.</param>
    /// <param name="name">Its name, until it has its final one.</param>
    IIncomingMechanism Build(IncomingRestore restore, int domid, string name);
}

using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Life;

/// <summary>Opens a domain that came in and whose tool was killed: becomes its owner, and stops it where it stands.</summary>
/// <param name="control">A connection of its own, given over where a domain is opened.</param>
/// <param name="build">What goes on with the domain's pages.</param>
/// <param name="promises">What the host has promised to domains that come in.</param>
internal sealed class ArrivalOpening(
    IDomainControl control, Func<KnownDomain, DomainDescription, IncomingPages, IIncomingMechanism> build, MemoryPromises promises)
{
    /// <summary>Opens the domain.</summary>
    /// <param name="hostName">This host's name.</param>
    /// <param name="which">See <see cref="IMigrationHost.OpenArrival"/>.</param>
    internal LeftArrival? Open(string hostName, Func<ReadOnlyMemory<byte>, DomainDescription?> which)
    {
        DomainDescription? description = null;
        if (IncomingMarker.FindLeft(control, journal => (description = which(journal)) is not null) is not var (found, domain))
        {
            return null;
        }

        IncomingMarker marker = IncomingMarker.Claim(control, found);
        try
        {
            IncomingPages pages = new(description!, XenDomainConfiguration.Parse(description!.Configuration, description.PageCount));
            IIncomingMechanism mechanism = build(domain, description, pages);
            if (found.Mark != IncomingMark.Preparing)
            {
                // What served its faults is taken over while it stands still.
                domain.Pause();
            }

            MemoryPromise promise = promises.Renew(domain.DomId, (long)(pages.Populated.Count + pages.Emptied.Count) * Page.Size);
            return new LeftArrival(new XenIncomingDomain(domain, hostName, description, mechanism, marker) { WasLeft = true, Promise = promise }, found.Mark);
        }
        catch (Exception error)
        {
            throw CleanUp.After(error, marker.Orphan);
        }
    }
}

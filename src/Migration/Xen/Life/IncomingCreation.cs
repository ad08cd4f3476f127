using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Makes the paused domain that a migration comes into: the first stage of a synthesised stream goes to xl restore, which
/// makes the domain and then waits for the rest; meanwhile the domain's pages are allocated.
/// </summary>
/// <param name="control">The connection.</param>
/// <param name="description">What the source says.</param>
/// <param name="configuration">What the source's half of this module says.</param>
/// <param name="kind">What is particular to the domain's kind.</param>
internal sealed class IncomingCreation(
    IDomainControl control, DomainDescription description, XenDomainConfiguration configuration, IIncomingKind kind)
{
    private const int KibibytesPerPage = Page.Size / 1024;

    /// <summary>How many pages a domain needs beside its own; libxl allows for as many.</summary>
    private const long SpareMemory = 256;

    private readonly Arrival _arrival = Arrival.Of(description.Name, configuration.Json);

    /// <summary>What the stream says of the domain before its checkpoint, whatever its kind.</summary>
    private SynthesisedRestoreSettings Settings => new(
        XlConfiguration.ForRestore(configuration.Json, _arrival.ProvisionalName), configuration.XenMajor, configuration.XenMinor)
    {
        CpuidPolicy = configuration.CpuidPolicy,
        MsrPolicy = configuration.MsrPolicy,
    };

    /// <summary>Makes the domain; nothing is left of it, nor of its name's reservation, where that fails.</summary>
    /// <param name="hostName">This host's name.</param>
    /// <param name="start">Starts the toolstack's child for a provisional name.</param>
    /// <param name="cancellationToken">Ends the work within seconds.</param>
    /// <param name="promise">The memory that the domain was promised; null where nobody counts.</param>
    internal XenIncomingDomain Make(
        string hostName, Func<string, IRestoreProcess> start, CancellationToken cancellationToken, MemoryPromise? promise = null)
    {
        IDisposable reservation = ArrivalNames.Reserve(control, _arrival);
        IncomingRestore? restore = null;
        IncomingMarker? marker = null;
        try
        {
            IRestoreProcess process = start(_arrival.ProvisionalName);
            restore = new IncomingRestore(process);

            // A write to a child that does not read blocks; killing the child ends it.
            using CancellationTokenRegistration kill = cancellationToken.UnsafeRegister(static child => ((IRestoreProcess)child!).Kill(), process);
            restore.Write(() => kind.BeginStream(process.Input, Settings));
            KnownDomain domain = WaitForDomain(process, cancellationToken);
            if (promise is not null)
            {
                promise.DomId = domain.DomId;
            }

            marker = new IncomingMarker(control, domain.DomId, _arrival);
            marker.Write(IncomingMark.Preparing);
            marker.LimitAfterwards = RaiseLimit(process, domain, cancellationToken);
            restore.Write(kind.AnnouncePages);
            kind.Allocate(process, domain.DomId, cancellationToken);
            XenIncomingDomain made =
                new(domain, hostName, description, kind.Build(restore, domain.DomId, _arrival.ProvisionalName), marker)
                {
                    Promise = promise,
                };

            // From here on the domain's mark says that the name is taken.
            reservation.Dispose();
            return made;
        }
        catch (Exception error)
        {
            Exception why = cancellationToken.IsCancellationRequested && error is not OperationCanceledException
                ? new OperationCanceledException($"{description.Name}: taking the domain in was given up.", error, cancellationToken)
                : error;
            throw CleanUp.After(why, () => restore?.Dispose(), () => TakeDown(marker), reservation.Dispose);
        }
    }

    private KnownDomain WaitForDomain(IRestoreProcess process, CancellationToken cancellationToken)
    {
        KnownDomain? found = null;
        IncomingRestore.WaitFor(process, () => (found = _arrival.Find(control)) is not null, cancellationToken);
        return found!;
    }

    /// <summary>
    /// Raises the domain's memory limit where its balloon has not reached its target: the toolstack allows the target only, and the domain
    /// brings along what it holds.
    /// </summary>
    /// <returns>The toolstack's limit in KiB, where it was raised.</returns>
    private long? RaiseLimit(IRestoreProcess process, KnownDomain domain, CancellationToken cancellationToken)
    {
        ulong limit = 0;
        IncomingRestore.WaitFor(process, () => (limit = domain.Find()?.MaxPages ?? 0) > 0, cancellationToken);
        long needed = kind.Pages.Populated.Count + kind.Pages.Emptied.Count + SpareMemory;
        if ((long)limit >= needed)
        {
            return null;
        }

        control.SetMaximumMemory(domain.DomId, needed * KibibytesPerPage);
        return (long)limit * KibibytesPerPage;
    }

    /// <summary>Takes down what the child, which takes a half-made domain down itself, has left; the mark goes only after that.</summary>
    private void TakeDown(IncomingMarker? marker)
    {
        _arrival.Find(control)?.Destroy();
        marker?.Remove();
    }
}

using System.Globalization;
using PreRecordMigration.Custody;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Life;

/// <summary>
/// Makes the paused domain that a migration comes into: the first stage of a synthesised stream goes to xl restore, which
/// makes the domain and then waits for the rest; meanwhile the domain's pages are allocated. Kinds of domains differ in what
/// the stream says and in how their pages are allocated.
/// </summary>
internal abstract class IncomingCreation
{
    private const int KibibytesPerPage = Page.Size / 1024;

    /// <summary>What a domain needs beside its pages, in pages: what libxl allows for, too.</summary>
    private const long SpareMemory = 256;

    private static readonly TimeSpan s_toolstackPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Takes stock.</summary>
    protected IncomingCreation(IDomainControl control, DomainDescription description, XenDomainConfiguration configuration)
    {
        Control = control;
        Description = description;
        Configuration = configuration;
        Arrival = Arrival.Of(description.Name, configuration.Json);
        Pages = new IncomingPages(description, configuration);
    }

    /// <summary>The connection.</summary>
    protected IDomainControl Control { get; }

    /// <summary>What the source says.</summary>
    protected DomainDescription Description { get; }

    /// <summary>What the source's half of this module says.</summary>
    protected XenDomainConfiguration Configuration { get; }

    /// <summary>Who the domain is.</summary>
    protected Arrival Arrival { get; }

    /// <summary>The domain's pages.</summary>
    protected IncomingPages Pages { get; }

    /// <summary>What the stream says of the domain before its checkpoint, whatever its kind.</summary>
    protected SynthesisedRestoreSettings Settings => new(
        XlConfiguration.ForRestore(Configuration.Json, Arrival.ProvisionalName), Configuration.XenMajor, Configuration.XenMinor)
    {
        CpuidPolicy = Configuration.CpuidPolicy,
        MsrPolicy = Configuration.MsrPolicy,
    };

    /// <summary>Makes the domain; nothing is left of it, nor of its name's reservation, where that fails.</summary>
    /// <param name="hostName">This host's name.</param>
    /// <param name="start">Starts the toolstack's child for a provisional name.</param>
    /// <param name="cancellationToken">Ends the work within seconds.</param>
    internal XenIncomingDomain Make(string hostName, Func<string, IRestoreProcess> start, CancellationToken cancellationToken)
    {
        IDisposable reservation = ArrivalNames.Reserve(Control, Arrival);
        IncomingRestore? restore = null;
        IncomingMarker? marker = null;
        try
        {
            IRestoreProcess process = start(Arrival.ProvisionalName);
            restore = new IncomingRestore(process);

            // Writing to a child that does not read ends with the child.
            using CancellationTokenRegistration kill = cancellationToken.UnsafeRegister(static child => ((IRestoreProcess)child!).Kill(), process);
            restore.Write(() => BeginStream(process.Input));
            KnownDomain domain = WaitForDomain(process, cancellationToken);
            marker = new IncomingMarker(Control, domain.DomId, Arrival);
            marker.Write(IncomingMark.Preparing);
            long? limit = RaiseLimit(process, domain, cancellationToken);
            restore.Write(AnnouncePages);
            Allocate(process, domain.DomId, cancellationToken);
            XenIncomingDomain made =
                new(domain, hostName, Description, Build(restore, domain.DomId), marker) { LimitAfterwards = limit };

            // From here on its mark says that the name is taken.
            reservation.Dispose();
            return made;
        }
        catch (Exception error)
        {
            Exception why = cancellationToken.IsCancellationRequested && error is not OperationCanceledException
                ? new OperationCanceledException($"{Description.Name}: taking the domain in was given up.", error, cancellationToken)
                : error;
            throw CleanUp.After(why, () => restore?.Dispose(), () => TakeDown(marker), reservation.Dispose);
        }
    }

    /// <summary>Writes the stream's beginning, from which the child makes the domain.</summary>
    /// <param name="input">What the child reads.</param>
    protected abstract void BeginStream(Stream input);

    /// <summary>Writes the rest of the first stage.</summary>
    protected abstract void AnnouncePages();

    /// <summary>Waits until every page of the domain is allocated, or allocates them.</summary>
    protected abstract void Allocate(IRestoreProcess restore, int domid, CancellationToken cancellationToken);

    /// <summary>The domain's mechanism.</summary>
    protected abstract IIncomingMechanism Build(IncomingRestore restore, int domid);

    /// <summary>Waits for something that the toolstack does.</summary>
    protected static void WaitFor(IRestoreProcess restore, Func<bool> condition, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_toolstackPatience);
        while (!condition())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (restore.HasExited || patience.IsCancellationRequested)
            {
                throw restore.Failure(null);
            }

            patience.Token.WaitHandle.WaitOne(s_pollInterval);
        }
    }

    /// <summary>The domain's pages did not all find a place.</summary>
    /// <param name="host">The host.</param>
    /// <param name="domid">The domain.</param>
    protected MigrationException OutOfMemory(XenHostInfo host, int domid)
    {
        XenDomainInfo domain = Control.GetDomain(domid);
        long needed = (long)Pages.Populated.Count * Page.Size;
        long held = (long)domain.TotalPages * Page.Size;
        return new MigrationException(
            MigrationErrorId.OutOfMemory,
            string.Create(CultureInfo.InvariantCulture,
                $"{Description.Name} needs {Mebibytes(needed)} MiB; it got {Mebibytes(held)} MiB, its limit is ")
            + string.Create(CultureInfo.InvariantCulture,
                $"{Mebibytes((long)domain.MaxPages * Page.Size)} MiB, and the host has {Mebibytes((long)host.FreePages * Page.Size)} MiB free."),
            "Free memory on the host (xl info shows free_memory), or choose another.",
            Description.Name);
    }

    private static long Mebibytes(long bytes) => bytes >> 20;

    private KnownDomain WaitForDomain(IRestoreProcess process, CancellationToken cancellationToken)
    {
        KnownDomain? found = null;
        WaitFor(process, () => (found = Arrival.Find(Control)) is not null, cancellationToken);
        return found!;
    }

    /// <summary>
    /// The toolstack allows a domain what its balloon is to come to. One whose balloon has not come there holds more, and brings it along.
    /// </summary>
    /// <returns>The toolstack's limit in KiB, where it was raised.</returns>
    private long? RaiseLimit(IRestoreProcess process, KnownDomain domain, CancellationToken cancellationToken)
    {
        ulong limit = 0;
        WaitFor(process, () => (limit = domain.Find()?.MaxPages ?? 0) > 0, cancellationToken);
        long needed = Pages.Populated.Count + Pages.Emptied.Count + SpareMemory;
        if ((long)limit >= needed)
        {
            return null;
        }

        Control.SetMaximumMemory(domain.DomId, needed * KibibytesPerPage);
        return (long)limit * KibibytesPerPage;
    }

    /// <summary>The child takes a half-made domain down itself; what it left goes here, and its mark only after it.</summary>
    private void TakeDown(IncomingMarker? marker)
    {
        Arrival.Find(Control)?.Destroy();
        marker?.Remove();
    }
}

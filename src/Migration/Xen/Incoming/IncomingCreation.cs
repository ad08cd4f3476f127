using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Emulators;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Pv;
using PreRecordMigration.Xen.Streams;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>
/// Makes the paused domain that a migration comes into: the first stage of a synthesised stream goes to xl restore, which
/// makes the domain and then waits for the rest; meanwhile the domain's pages are allocated. Kinds of domains differ in what
/// the stream says and in how their pages are allocated.
/// </summary>
internal abstract class IncomingCreation
{
    /// <summary>What stands behind the domain's name until it has its final one.</summary>
    internal const string NameSuffix = "--incoming";

    private static readonly TimeSpan s_toolstackPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Takes stock.</summary>
    protected IncomingCreation(XenControl control, DomainDescription description, XenDomainConfiguration configuration)
    {
        Control = control;
        Description = description;
        Configuration = configuration;
        Name = description.Name + NameSuffix;
        Pages = new IncomingPages(description, configuration);
    }

    /// <summary>The connection.</summary>
    protected XenControl Control { get; }

    /// <summary>What the source says.</summary>
    protected DomainDescription Description { get; }

    /// <summary>What the source's half of this module says.</summary>
    protected XenDomainConfiguration Configuration { get; }

    /// <summary>The provisional name.</summary>
    protected string Name { get; }

    /// <summary>The domain's pages.</summary>
    protected IncomingPages Pages { get; }

    /// <summary>What the stream says of the domain before its checkpoint, whatever its kind.</summary>
    protected SynthesisedRestoreSettings Settings => new(
        XlConfiguration.ForRestore(Configuration.Json, Name), Configuration.XenMajor, Configuration.XenMinor)
    {
        CpuidPolicy = Configuration.CpuidPolicy,
        MsrPolicy = Configuration.MsrPolicy,
    };

    /// <summary>Makes the domain.</summary>
    /// <param name="control">The connection to the hypervisor; the domain's object owns it from here on.</param>
    /// <param name="hostName">This host's name.</param>
    /// <param name="description">What the source says; nothing in it is believed.</param>
    /// <param name="cancellationToken">Ends the work; what was made is taken down again.</param>
    internal static XenIncomingDomain Create(
        XenControl control, string hostName, DomainDescription description, CancellationToken cancellationToken)
    {
        XenDomainConfiguration configuration = XenDomainConfiguration.Parse(description.Configuration, description.PageCount);
        RequireAgreement(description, configuration);
        IncomingCreation creation = description.Kind switch
        {
            DomainKind.Pvh or DomainKind.Hvm => new HvmCreation(control, hostName, description, configuration),
            DomainKind.PV => new PvCreation(control, hostName, description, configuration),
            _ => throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"{description.Name}: a {description.Kind} domain cannot be taken in; PV, PVH and HVM domains can.",
                "Set type=\"pvh\" in the domain's configuration and start it again, or use `xl migrate`.",
                description.Name),
        };
        creation.RequireFreeName();
        return creation.Make(hostName, cancellationToken);
    }

    /// <summary>Writes the first stage of the stream.</summary>
    /// <param name="input">What xl restore reads.</param>
    protected abstract void Announce(Stream input);

    /// <summary>Waits until every page of the domain is allocated, or allocates them.</summary>
    protected abstract void Allocate(XlRestoreProcess restore, int domid, CancellationToken cancellationToken);

    /// <summary>The domain's mechanism.</summary>
    protected abstract IIncomingMechanism Build(IncomingRestore restore, int domid);

    /// <summary>Waits for something that the toolstack does.</summary>
    protected static void WaitFor(XlRestoreProcess restore, Func<bool> condition, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_toolstackPatience);
        while (!condition())
        {
            if (restore.HasExited || (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested))
            {
                throw restore.Failure(null);
            }

            cancellationToken.ThrowIfCancellationRequested();
            patience.Token.WaitHandle.WaitOne(s_pollInterval);
        }
    }

    /// <summary>The domain's pages did not all find a place.</summary>
    protected MigrationException OutOfMemory(int domid)
    {
        XenHostInfo host = Control.GetHostInfo();
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

    private static void RequireAgreement(DomainDescription description, XenDomainConfiguration configuration)
    {
        if (EmulatorRequirements.IsHvm(configuration.Json) != (description.Kind == DomainKind.Hvm))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation,
                $"The peer's description of {description.Name} contradicts itself: it is {description.Kind}, its configuration's type is another.",
                "Install the same version of the module on both hosts; if they are the same, the peer is not to be trusted.",
                description.Name);
        }
    }

    private void RequireFreeName()
    {
        IReadOnlyList<string> left = IncomingMarker.Sweep(Control);
        if (DomainNames.Find(Control, Name) is { } domid)
        {
            throw new MigrationException(
                left.Contains(Name) ? MigrationErrorId.DomainBusy : MigrationErrorId.DomainExists,
                left.Contains(Name)
                    ? $"{Name} (domain {domid}) was left by a migration whose process was killed after the domain began to run here."
                    : $"A domain {Name} (domain {domid}) is here already.",
                left.Contains(Name)
                    ? "It may be the only copy: look whether the source still has the domain before you destroy either."
                    : "Wait for the other migration to end, or destroy the domain if it is not needed.",
                Name);
        }
    }

    private XenIncomingDomain Make(string hostName, CancellationToken cancellationToken)
    {
        XlRestoreProcess process = XlRestoreProcess.Start(Name);
        IncomingRestore restore = new(process);
        int domid = -1;
        try
        {
            restore.Write(() => Announce(process.Input));
            int? found = null;
            WaitFor(process, () => (found = DomainNames.Find(Control, Name)) is not null, cancellationToken);
            domid = found!.Value;
            IncomingMarker marker = IncomingMarker.Place(Control, domid, Name);
            Allocate(process, domid, cancellationToken);
            return new XenIncomingDomain(Control, hostName, Description, Name, domid, Build(restore, domid), marker);
        }
        catch
        {
            restore.Dispose();
            TakeDown(domid);
            throw;
        }
    }

    private static long Mebibytes(long bytes) => bytes >> 20;

    private void TakeDown(int domid)
    {
        // xl takes a half-made domain down itself; what it left goes here, by name, because the number may be another's.
        if (DomainNames.Find(Control, Name) is { } left && (domid < 0 || left == domid))
        {
            IncomingMarker.DestroyIfThere(Control, left);
        }

        if (domid >= 0)
        {
            IncomingMarker.RemoveFor(Control, domid);
        }
    }
}

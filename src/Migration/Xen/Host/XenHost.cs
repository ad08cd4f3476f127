using System.Globalization;
using PreRecordMigration.Custody;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;
using PreRecordMigration.Xen.Extension;
using PreRecordMigration.Xen.Hvm;
using PreRecordMigration.Xen.Life;
using PreRecordMigration.Xen.Native;
using PreRecordMigration.Xen.Outputs;

namespace PreRecordMigration.Xen.Host;

/// <summary>The Xen host that this process runs on, as its control domain.</summary>
public sealed partial class XenHost : IMigrationHost, IGuestBeats
{
    private const int ControlDomain = 0;
    private readonly XenControl _control;
    private readonly string? _policyFile;
    private readonly MemoryPromises _promises;
    private readonly DeviceLook _devices;
    private readonly HostPlatform _platform;

    /// <param name="control">The connection.</param>
    /// <param name="name">The host's name.</param>
    /// <param name="policyFile">The policy; null where nothing is judged.</param>
    private XenHost(XenControl control, string name, string? policyFile)
    {
        _control = control;
        _policyFile = policyFile;
        _promises = new MemoryPromises(() => FreeMemoryBytes, HeldBy, MemoryLedger.OfThisMachine);
        _devices = new DeviceLook(new LinuxDevices(domain => DomainNames.Find(control, domain) is not null), TimeProvider.System);
        Name = name;
        XenHostInfo info = control.GetHostInfo();
        _platform = new HostPlatform(new XenVersion(info.Major, info.Minor), kind => control.GetLargestCpuPolicy(kind == DomainKind.PV));
        Hypervisor = string.Create(
            CultureInfo.InvariantCulture, $"Xen {info.Major}.{info.Minor}{control.GetText(XenText.ExtraVersion)}");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Hypervisor { get; }

    /// <inheritdoc/>
    public IMigrationHost ForItself => new XenHost(_control, Name, null);

    /// <summary>Opens the host that this process runs on.</summary>
    /// <param name="name">The name to use for it; null for the machine's.</param>
    /// <param name="policyFile">The absolute path of the policy by which domains come in; null for
    /// <see cref="AdmissionPolicy.DefaultPath"/>. The file is read whenever a domain comes.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.LibraryMissing"/>,
    /// <see cref="MigrationErrorId.AccessDenied"/> where the user is not root, or <see cref="MigrationErrorId.NotSupported"/>
    /// where this is no control domain of Xen.</exception>
    public static XenHost Open(string? name = null, string? policyFile = null)
    {
        XenControl control = XenControl.Open();
        try
        {
            return new XenHost(control, name ?? Environment.MachineName, policyFile ?? AdmissionPolicy.DefaultPath);
        }
        catch
        {
            control.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public long FreeMemoryBytes => (long)_control.GetHostInfo().FreePages * Pages.Page.Size;

    /// <inheritdoc/>
    public CapabilityReport GetCapabilities() => XenCapabilities.Of(_control, Name);

    /// <inheritdoc/>
    public CapabilityReport GetCapabilities(DomainKind kind) => kind == DomainKind.PV
        ? XenCapabilities.OfParavirtualised(_control, Name)
        : GetCapabilities();

    /// <inheritdoc/>
    public CapabilityReport Examine()
    {
        XenHostFacts facts = XenHostFacts.Read(_control);
        XenExtensionAnswer extension = _control.ProbeExtension();
        return new CapabilityReport(
            Name,
            [.. XenCapabilities.Of(facts, extension, Name, ExtensionSupport.IsRingAskedFor).Items, .. XenExamination.Of(facts, extension, XlAnswer.Ask())]);
    }

    /// <inheritdoc/>
    public IReadOnlyList<DomainInfo> GetDomains() =>
    [
        .. _control.ListDomains()
            .Where(info => info.DomId != ControlDomain)
            .Select(Snapshot)
            .OfType<DomainInfo>()
            .OrderBy(info => info.Name, StringComparer.Ordinal),
    ];

    /// <inheritdoc/>
    public string? ReadBeat(int id, string key) => _control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{id}/{key}"));

    /// <inheritdoc/>
    public void RequireIsolableOutputs(string name)
    {
        XenDomainInfo info = DomainNames.Require(_control, name);
        new DomainOutputs(_control, OutputLayers.OfThisMachine, (int)info.DomId, name).RequireIsolable(
            KnownDomain.UuidOf(info),
            Snapshot(info)?.Kind == DomainKind.Hvm ? () => _control.GetConfigurationJson((int)info.DomId) : null);
    }

    /// <inheritdoc/>
    public void RequireTrappable(string name)
    {
        XenDomainInfo info = DomainNames.Require(_control, name);
        if (Snapshot(info)?.Kind == DomainKind.Hvm)
        {
            EmulatorRequirements.RequireTrappable(_control.GetConfigurationJson((int)info.DomId), name);
        }
    }

    /// <inheritdoc/>
    public DomainDescription Announce(string name)
    {
        XenDomainInfo info = DomainNames.Require(_control, name);
        DomainInfo domain = Snapshot(info) ?? throw DomainNames.Missing(name);
        XenHostInfo host = _control.GetHostInfo();
        string json = _control.GetConfigurationJson((int)info.DomId);
        XenCpuPolicy policy = _control.GetCpuPolicy((int)info.DomId);
        XenDomainConfiguration configuration = new(json, host.Major, host.Minor, policy.Leaves, policy.Msrs, [], [])
        {
            DiskBytes = DiskSizes.Of(_control, (int)info.DomId, json),
        };
        return new DomainDescription(name, domain.Kind, domain.PageCount, [], domain.VcpuCount, configuration.Serialise());
    }

    /// <inheritdoc/>
    public void RequireUnclaimed(string name) => SourceOpening.RequireUnclaimed(_control, name);

    /// <inheritdoc/>
    public ISourceDomain OpenSource(string name) => Open(name, isReleased: false);

    /// <inheritdoc/>
    public ISourceDomain OpenLeft(string name) => Open(name, isReleased: true);

    /// <inheritdoc/>
    public LeftDomain OpenLeaving(string name) => Open(opening => opening.OpenLeaving(name));

    /// <inheritdoc/>
    public IReadOnlyList<LeftBehind> GetLeftBehind() => SourceMarker.FindLeft(_control);

    /// <inheritdoc/>
    public bool HasTakenDown(Func<ReadOnlyMemory<byte>, bool> which) => IncomingMarker.HasTakenDown(_control, which);

    /// <inheritdoc/>
    public void SweepArrivals() => CleanUp.All(
        () => ArrivalNames.Sweep(_control),
        () => StaleNotes.Remove(_control, OutputLayers.OfThisMachine),
        () => StaleNotes.RemoveOriginals(_control),
        () => SourceMarker.RequireUnderstood(_control));

    /// <inheritdoc/>
    public void Dispose() => _control.Dispose();

    private XenSourceDomain Open(string name, bool isReleased) => Open(opening => opening.Open(name, isReleased));

    private T Open<T>(Func<SourceOpening, T> open)
    {
        XenControl control = XenControl.Open();
        try
        {
            SourceOpening opening = new(control, (info, found) => new XenSourceExamination(control, Name, info, found), XenControl.Open, OutputLayers.OfThisMachine);
            return open(opening);
        }
        catch
        {
            control.Dispose();
            throw;
        }
    }

    private DomainInfo? Snapshot(XenDomainInfo info)
    {
        int domid = (int)info.DomId;
        string? name = DomainNames.Of(_control, domid);
        if (name is null)
        {
            return null; // a remnant without a name: the toolstack has taken it down already
        }

        try
        {
            return DomainFacts.Describe(_control, Name, name, info, DomainExtent.Listed(_control.GetMaximumGfn(domid)));
        }
        catch (XenException exception) when (exception.Errno == XenErrno.NoProcess)
        {
            return null; // it went while the list was made
        }
    }
}

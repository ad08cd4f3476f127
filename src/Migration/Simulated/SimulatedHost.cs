using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Simulated.Guest;

namespace PreRecordMigration.Simulated;

/// <summary>A host whose domains are simulated: runs anywhere, needs nothing.</summary>
public sealed partial class SimulatedHost : IMigrationHost, IGuestBeats
{
    /// <summary>What the name of a domain ends with while it comes in.</summary>
    public const string IncomingSuffix = "--incoming";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SimulatedDomain> _domains = new(StringComparer.Ordinal);
    private readonly List<byte[]> _takenDown = [];
    private readonly List<SimulatedOutput> _outputs = [];
    private readonly List<string> _violations = [];
    private int _lastId;
    private long _promised;
    private bool _isDisposed;

    /// <summary>Makes a host without domains.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">What it has and can do; null for everything.</param>
    public SimulatedHost(string name, SimulatedHostOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        Options = options ?? new SimulatedHostOptions();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Hypervisor => "Simulated";

    /// <summary>What it has and can do.</summary>
    public SimulatedHostOptions Options { get; }

    /// <summary>Failures to inject.</summary>
    public SimulatedFaults Faults { get; } = new();

    /// <summary>All that its domains sent out so far, in order.</summary>
    public IReadOnlyList<SimulatedOutput> Outputs
    {
        get
        {
            lock (_lock)
            {
                return [.. _outputs];
            }
        }
    }

    /// <inheritdoc/>
    public string? ReadBeat(int id, string key)
    {
        lock (_lock)
        {
            return _domains.Values.FirstOrDefault(domain => domain.Id == id)?.OperationsDone.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Moments at which a guest was runnable twice, in words. Empty unless guarantee 1 was broken.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_lock)
            {
                return [.. _violations];
            }
        }
    }

    /// <inheritdoc/>
    public long FreeMemoryBytes
    {
        get
        {
            lock (_lock)
            {
                return Options.MemoryBytes - _promised - _domains.Values.Sum(domain => domain.Options.MemoryBytes);
            }
        }
    }

    /// <summary>Makes a domain and lets it run.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>,
    /// <see cref="MigrationErrorId.DomainExists"/>, <see cref="MigrationErrorId.OutOfMemory"/>,
    /// <see cref="MigrationErrorId.DeviceMissing"/> or <see cref="MigrationErrorId.HostIncompatible"/>.</exception>
    public SimulatedDomain CreateDomain(SimulatedDomainOptions options)
    {
        options.Validate();
        AdmissionVerdict.Open.And(SimulatedAdmission.FindMissing(Options)).Require(options.Name);
        lock (_lock)
        {
            CheckRoom(options.Name, options.MemoryBytes);
        }

        SimulatedDomain domain = Add(options.Name, Guid.NewGuid(), options, GuestBuilder.Build(options), options.FreeRunning, false);
        domain.Resume();
        return domain;
    }

    /// <summary>Finds a domain to look at.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DomainNotFound"/>.</exception>
    public SimulatedDomain GetDomain(string name)
    {
        lock (_lock)
        {
            return _domains.TryGetValue(name, out SimulatedDomain? domain)
                ? domain
                : throw new MigrationException(
                    MigrationErrorId.DomainNotFound, $"Host {Name} has no domain {name}.",
                    "List the host's domains; names are matched exactly.", name);
        }
    }

    /// <inheritdoc/>
    public CapabilityReport GetCapabilities() => new(Name,
    [
        Report(MigrationCapability.Control, true),
        Report(MigrationCapability.Recording, Options.SupportsRecording),
        Report(MigrationCapability.Rollback, Options.SupportsRollback),
        Report(MigrationCapability.OutputIsolation, Options.SupportsOutputIsolation),
        Report(MigrationCapability.DirtyTracking, Options.SupportsDirtyTracking),
        Report(MigrationCapability.RemotePF, Options.SupportsRemotePF),
        Report(MigrationCapability.SeveralVcpus, Options.MaximumVcpus > 1),
        Report(MigrationCapability.Receiver, true),
    ]);

    /// <inheritdoc/>
    public CapabilityReport Examine() => new(Name,
    [
        .. GetCapabilities().Items,
        NotNeeded(MigrationCapability.ParavirtualisedDomains),
        NotNeeded(MigrationCapability.Hypervisor),
        NotNeeded(MigrationCapability.MemoryPaging),
        NotNeeded(MigrationCapability.ShadowPaging),
        NotNeeded(MigrationCapability.Extension),
        NotNeeded(MigrationCapability.NestedExtension),
        NotNeeded(MigrationCapability.Toolstack),
        FreeMemory(),
        Report(MigrationCapability.InPlaceRollback, Options.SupportsInPlaceRollback),
    ]);

    /// <inheritdoc/>
    public CapabilityReport GetCapabilities(DomainKind kind) => GetCapabilities();

    /// <inheritdoc/>
    public IReadOnlyList<DomainInfo> GetDomains()
    {
        lock (_lock)
        {
            return [.. _domains.Values.Select(domain => domain.Info).OrderBy(info => info.Name, StringComparer.Ordinal)];
        }
    }

    /// <inheritdoc/>
    public void RequireIsolableOutputs(string name)
    {
        if (!Options.SupportsOutputIsolation || !GetDomain(name).Options.HasIsolableOutputs)
        {
            throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"The output device out0 of domain {name} cannot be held back.",
                "Use the mode Observe, which needs no isolation.", name);
        }
    }

    /// <inheritdoc/>
    public void RequireTrappable(string name) => _ = GetDomain(name);

    /// <inheritdoc/>
    public DomainDescription Announce(string name)
    {
        SimulatedDomain domain = GetDomain(name);
        return new DomainDescription(
            name, DomainKind.Simulated, domain.Info.PageCount, [], domain.Options.VcpuCount, DomainConfiguration.Write(domain.Identity, domain.Options));
    }

    /// <inheritdoc/>
    public AdmissionVerdict Judge(DomainDescription description) =>
        SimulatedAdmission.Judge(Options.PolicyFile, description).And(SimulatedAdmission.FindMissing(Options));

    /// <inheritdoc/>
    public IIncomingDomain CreateIncoming(DomainDescription description, CancellationToken cancellationToken)
    {
        Faults.Enter(SimulatedCall.CreateIncoming);
        cancellationToken.ThrowIfCancellationRequested();
        if (description.Kind != DomainKind.Simulated)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported, $"Host {Name} is simulated and cannot take in the {description.Kind} domain {description.Name}.",
                "Choose a host of the same hypervisor.", description.Name);
        }

        (Guid identity, SimulatedDomainOptions options) = DomainConfiguration.Read(description.Configuration, description.Name);
        GuestLayout layout = new(options);
        if (options.Name != description.Name || layout.PageCount != description.PageCount
            || layout.VcpuCount != description.VcpuCount || !layout.Populated.SequenceEqual(description.Populated))
        {
            throw new MigrationException(
                MigrationErrorId.ProtocolViolation, $"The description of domain {description.Name} contradicts its configuration.",
                "Use the same version of the module on both sides.", description.Name);
        }

        Judge(description).Require(description.Name);
        CheckVcpus(description.Name, description.VcpuCount);
        string name = description.Name + IncomingSuffix;
        lock (_lock)
        {
            // The guest's own source may be here, under the name that it leaves behind.
            if (_domains.TryGetValue(description.Name, out SimulatedDomain? present) && present.Identity != identity)
            {
                throw Exists(description.Name);
            }
        }

        SweepIncoming(name);
        lock (_lock)
        {
            CheckRoom(name, options.MemoryBytes);

            // Two domains that come at the same time must not both be let in for the same free memory.
            _promised += options.MemoryBytes;
        }

        SimulatedDomain incoming;
        try
        {
            GuestImage empty = new(
                new GuestPages(layout.PageCount, layout.Populated),
                [.. Enumerable.Range(0, layout.VcpuCount).Select(_ => new VcpuContext())],
                new int[layout.VcpuCount]);
            incoming = Add(name, identity, options, empty, Options.IncomingRunsFree, true, options.MemoryBytes);
        }
        finally
        {
            lock (_lock)
            {
                _promised -= options.MemoryBytes;
            }
        }

        incoming.IncomingMark = IncomingMark.Preparing;
        return new SimulatedIncomingDomain(this, incoming, description.Name);
    }

    /// <summary>Destroys its domains: the host goes down.</summary>
    public void Dispose()
    {
        SimulatedDomain[] domains;
        lock (_lock)
        {
            _isDisposed = true;
            domains = [.. _domains.Values];
            _domains.Clear();
        }

        foreach (SimulatedDomain domain in domains)
        {
            domain.End();
        }
    }

    internal void Emit(SimulatedOutput output)
    {
        lock (_lock)
        {
            _outputs.Add(output);
        }
    }

    internal void ReportViolation(string violation)
    {
        lock (_lock)
        {
            _violations.Add(violation);
        }
    }

    internal void Remove(SimulatedDomain domain)
    {
        lock (_lock)
        {
            if (_domains.GetValueOrDefault(domain.Name) == domain)
            {
                _domains.Remove(domain.Name);
            }
        }
    }

    internal void Rename(SimulatedDomain domain, string name)
    {
        lock (_lock)
        {
            if (_domains.TryGetValue(name, out SimulatedDomain? present) && present != domain)
            {
                throw Exists(name);
            }

            _domains.Remove(domain.Name);
            domain.Name = name;
            _domains[name] = domain;
        }
    }

    private SimulatedDomain Add(
        string name, Guid identity, SimulatedDomainOptions options, GuestImage image, bool isFree, bool isOwned, long promised = 0)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            CheckRoom(name, options.MemoryBytes - promised);
            SimulatedDomain domain = new(this, ++_lastId, name, identity, options, image, isFree) { IsOwned = isOwned };
            _domains[name] = domain;
            return domain;
        }
    }

    private void CheckRoom(string name, long memoryBytes)
    {
        if (_domains.ContainsKey(name))
        {
            throw Exists(name);
        }

        long free = FreeMemoryBytes;
        if (memoryBytes > free)
        {
            throw new MigrationException(
                MigrationErrorId.OutOfMemory,
                $"Host {Name} has {free} bytes of memory left; domain {name} needs {memoryBytes}.",
                "Free memory on the host, or choose another.", name);
        }
    }

    private void CheckVcpus(string name, int count)
    {
        if (count > Options.MaximumVcpus)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                $"Domain {name} has {count} vCPUs; host {Name} records and takes in domains of at most {Options.MaximumVcpus}.",
                "Choose a host whose hypervisor is patched for several vCPUs.", name);
        }
    }

    private MigrationException Exists(string name) => new(
        MigrationErrorId.DomainExists, $"Host {Name} has a domain {name} already.",
        "Rename or remove one of the two.", name);

    private Capability FreeMemory()
    {
        long free = FreeMemoryBytes;
        string reason = $"{free >> 20} MiB of {Options.MemoryBytes >> 20} MiB are free.";
        return free > 0
            ? new Capability(MigrationCapability.FreeMemory, true, reason, "")
            : new Capability(MigrationCapability.FreeMemory, false, reason, "Make the host with more memory, or end a domain.");
    }

    private static Capability NotNeeded(MigrationCapability kind) => new(kind, true, "A simulated host needs none.", "");

    private static Capability Report(MigrationCapability kind, bool isAvailable) => isAvailable
        ? new Capability(kind, true, "The simulated host can.", "")
        : new Capability(kind, false, $"The simulated host was made without {kind}.", $"Make the host anew, without {kind} in New-SimulatedHost -Without.");
}

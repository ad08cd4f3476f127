using PreRecordMigration.Errors;
using PreRecordMigration.Files;

namespace PreRecordMigration.Policies;

/// <summary>
/// What a host lets in, by whoever sends it: an administrator's file, closed by default. What it does not name is refused.
/// docs/policy.md has its schema.
/// </summary>
public sealed record AdmissionPolicy
{
    /// <summary>Where a Xen host's policy stands.</summary>
    public const string DefaultPath = "/etc/prerecord/policy.json";

    private const int LargestFile = 1 << 20;

    /// <summary>Lets nothing in.</summary>
    /// <param name="origin">The file that says so, or that is missing.</param>
    public AdmissionPolicy(string origin) => Origin = origin;

    /// <summary>The file that it comes from, whether that is there or not.</summary>
    public string Origin { get; }

    /// <summary>Whether there is such a file.</summary>
    public bool IsPresent { get; init; }

    /// <summary>Kinds of domains: pv, pvh, hvm, simulated.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = [];

    /// <summary>Most bytes of memory of one domain; null for what is free when it comes.</summary>
    public long? MaximumMemory { get; init; }

    /// <summary>Most vCPUs of one domain.</summary>
    public int? MaximumVcpus { get; init; }

    /// <summary>Disks.</summary>
    public IReadOnlyList<DiskRule> Disks { get; init; } = [];

    /// <summary>Network cards.</summary>
    public IReadOnlyList<NetworkRule> Networks { get; init; } = [];

    /// <summary>Folders of this host that a guest sees by 9pfs.</summary>
    public IReadOnlyList<PathPattern> Shares { get; init; } = [];

    /// <summary>Kernels that the toolstack starts a domain with when it boots anew.</summary>
    public IReadOnlyList<PathPattern> Kernels { get; init; } = [];

    /// <summary>The ramdisks beside them.</summary>
    public IReadOnlyList<PathPattern> Ramdisks { get; init; } = [];

    /// <summary>Firmware: of the machine, of SMBIOS and ACPI, and the PV shim.</summary>
    public IReadOnlyList<PathPattern> Firmware { get; init; } = [];

    /// <summary>Programs that read a kernel out of a guest's disk, as root: by their names or paths, letter by letter.</summary>
    public IReadOnlyList<string> Bootloaders { get; init; } = [];

    /// <summary>Their arguments, each word by itself.</summary>
    public IReadOnlyList<string> BootloaderArguments { get; init; } = [];

    /// <summary>Device emulators other than the toolstack's own: by their paths, letter by letter.</summary>
    public IReadOnlyList<string> DeviceModels { get; init; } = [];

    /// <summary>Words that a device emulator gets besides the toolstack's own.</summary>
    public IReadOnlyList<string> DeviceModelArguments { get; init; } = [];

    /// <summary>Addresses of this host at which a guest's display may be shown by VNC.</summary>
    public IReadOnlyList<string> Displays { get; init; } = [];

    /// <summary>Pools of processors.</summary>
    public IReadOnlyList<string> Pools { get; init; } = [];

    /// <summary>Security labels.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Settings by which a guest gets at more of the hypervisor than others do, each by its name.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Reads a policy.</summary>
    /// <param name="path">Its absolute path. Where nothing stands there, nothing is let in.</param>
    /// <exception cref="MigrationException">Others than its owner may change the file
    /// (<see cref="MigrationErrorId.FileNotTrusted"/>), it cannot be read, or it does not say what a policy says
    /// (<see cref="MigrationErrorId.InvalidFile"/>).</exception>
    public static AdmissionPolicy Load(string path) =>
        TrustedFile.TryRead(path, LargestFile) is { } text ? AdmissionPolicyReader.Read(path, text) : new AdmissionPolicy(path);
}

/// <summary>Disks that are let in.</summary>
/// <param name="Paths">What stands behind them.</param>
public sealed record DiskRule(IReadOnlyList<PathPattern> Paths)
{
    /// <summary>What serves them: phy, qdisk, tap.</summary>
    public IReadOnlyList<string> Backends { get; init; } = ["phy", "qdisk"];

    /// <summary>
    /// How they are written: raw, qcow2 and so on. Everything but raw has a header, which names other files, and which a guest
    /// that has the disk as raw once can write.
    /// </summary>
    public IReadOnlyList<string> Formats { get; init; } = ["raw"];

    /// <summary>Programs that make the device, as root; the toolstack's own is always let in.</summary>
    public IReadOnlyList<PathPattern> Scripts { get; init; } = [];

    /// <summary>Whether the guest may write them.</summary>
    public bool MayWrite { get; init; } = true;
}

/// <summary>Network cards that are let in.</summary>
/// <param name="Bridges">The bridges that they are put to; * stands for any characters.</param>
public sealed record NetworkRule(IReadOnlyList<NamePattern> Bridges)
{
    /// <summary>Programs that connect the card, as root.</summary>
    public IReadOnlyList<PathPattern> Scripts { get; init; } = [PathPattern.OfScript("vif-bridge")];

    /// <summary>Names that the card may have in the control domain, besides the toolstack's own.</summary>
    public IReadOnlyList<NamePattern> Interfaces { get; init; } = [];

    /// <summary>Interfaces of the control domain that a routing script may go by.</summary>
    public IReadOnlyList<NamePattern> Gateways { get; init; } = [];
}

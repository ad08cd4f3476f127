using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Xen.Admission;

/// <summary>The admission to a Xen host: nothing that a peer says of a domain reaches the toolstack without passing here.</summary>
internal static class IncomingAdmission
{
    /// <summary>Says what of a domain is not let in.</summary>
    /// <param name="policyFile">The policy's absolute path; null where the domain is the host's own, and nothing is judged.</param>
    /// <param name="description">What the peer says of the domain.</param>
    /// <param name="freeMemory">Bytes of memory that no domain of the host holds or was promised.</param>
    /// <param name="platform">Knows the host's hypervisor and processors.</param>
    /// <param name="devices">Looks at what the host has.</param>
    /// <exception cref="MigrationException">The policy cannot be used, or the description is malformed.</exception>
    internal static AdmissionVerdict Judge(
        string? policyFile, DomainDescription description, long freeMemory, HostPlatform platform, DeviceLook devices)
    {
        XenDomainConfiguration built = Build(policyFile, description, freeMemory, platform, out AdmissionVerdict verdict, out _);
        if (verdict.Refusals.Count == AdmissionVerdict.MostRefusals)
        {
            // There may be more of them, so that nobody knows of which devices a peer may hear.
            return verdict;
        }

        DeviceNeeds needs = new(
            built, place => verdict.Refusals.Any(refusal => refusal.Setting.StartsWith(place, StringComparison.Ordinal)), devices.Host);
        return verdict.And(devices.FindMissing(needs, CancellationToken.None));
    }

    /// <summary>Refuses a domain that was let in, whose devices need what the host has not.</summary>
    /// <param name="name">The domain's name.</param>
    /// <param name="admitted">What was let in.</param>
    /// <param name="devices">Looks at what the host has.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.DeviceMissing"/>: what is missing, and what to do.</exception>
    internal static void RequireDevices(string name, XenDomainConfiguration admitted, DeviceLook devices, CancellationToken cancellationToken) =>
        AdmissionVerdict.Open.And(devices.FindMissing(new DeviceNeeds(admitted, static _ => false, devices.Host), cancellationToken)).Require(name);

    /// <summary>Lets a domain in.</summary>
    /// <param name="policyFile">The policy's absolute path; null where the domain is the host's own, and nothing is judged.</param>
    /// <param name="description">What the peer says of the domain.</param>
    /// <param name="freeMemory">Bytes of memory that no domain of the host holds or was promised.</param>
    /// <param name="platform">Knows the host's hypervisor and processors.</param>
    /// <param name="needed">Bytes of memory that the domain needs.</param>
    /// <returns>What the peer's half of the module said, its JSON built anew from what is let in.</returns>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.RefusedByPolicy"/> or <see cref="MigrationErrorId.HostIncompatible"/>;
    /// or the policy cannot be used, or the description is malformed.</exception>
    internal static XenDomainConfiguration Admit(
        string? policyFile, DomainDescription description, long freeMemory, HostPlatform platform, out long needed)
    {
        XenDomainConfiguration built = Build(policyFile, description, freeMemory, platform, out AdmissionVerdict verdict, out needed);
        verdict.Require(XlAgreement.IsName(description.Name) ? description.Name : "the domain");
        return built;
    }

    private static XenDomainConfiguration Build(
        string? policyFile, DomainDescription description, long freeMemory, HostPlatform platform, out AdmissionVerdict verdict, out long needed)
    {
        if (description.Kind == DomainKind.Simulated)
        {
            throw new MigrationException(
                MigrationErrorId.NotSupported,
                "A simulated domain cannot come to a Xen host.",
                "Choose a host of the same hypervisor.");
        }

        XenDomainConfiguration configuration = XenDomainConfiguration.Parse(description.Configuration, description.PageCount);
        IReadOnlyList<AdmissionRefusal> missing = platform.FindMissing(description.Kind, configuration);
        if (policyFile is null)
        {
            verdict = AdmissionVerdict.Open.And(missing);
            needed = XlAgreement.Brought(description);
            return configuration;
        }

        string json = XlAdmission.Build(
            AdmissionPolicy.Load(policyFile), description, configuration.Json, freeMemory, out IReadOnlyList<AdmissionRefusal> refusals, out needed);
        verdict = new AdmissionVerdict(policyFile, refusals).And(missing);
        return configuration with { Json = json };
    }
}

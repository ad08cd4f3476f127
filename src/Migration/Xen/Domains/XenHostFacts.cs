using System.Globalization;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>What a host says of itself, read at one moment. What can be done on it follows from this alone.</summary>
/// <param name="Info">Version, processors and memory.</param>
/// <param name="ExtraVersion">What follows the version's two numbers, such as ".5-prerecord".</param>
/// <param name="CapabilityWords">The words of xen_caps.</param>
/// <param name="IsControlDomainHvm">Whether the control domain is PVH or HVM.</param>
/// <param name="HasMemoryPaging">Whether the hypervisor was built with MEM_PAGING.</param>
internal sealed record XenHostFacts(
    XenHostInfo Info,
    string ExtraVersion,
    string CapabilityWords,
    bool IsControlDomainHvm,
    bool HasMemoryPaging)
{
    private const string VersionToken = "prerecord";
    private const string CapabilityToken = "prerecord-paging-";
    private const int FixThatGivesRingsOver = 3;
    private const string NestedToken = "prerecord-nested";

    /// <summary>The whole version, such as "4.17.5-prerecord".</summary>
    internal string Version => FormattableString.Invariant($"{Info.Major}.{Info.Minor}{ExtraVersion}");

    /// <summary>Whether the processor has nested paging, and Xen uses it.</summary>
    internal bool HasHap => Info.Capabilities.HasFlag(XenHostCapabilities.Hap);

    /// <summary>Whether the hypervisor was built with SHADOW_PAGING.</summary>
    internal bool HasShadowPaging => Info.Capabilities.HasFlag(XenHostCapabilities.Shadow);

    /// <summary>Whether the hypervisor carries the fix without which several vCPUs hang the host.</summary>
    internal bool HasSeveralVcpuFix =>
        CapabilityWords.Contains(CapabilityToken, StringComparison.Ordinal)
        || ExtraVersion.Contains(VersionToken, StringComparison.Ordinal);

    /// <summary>Whether the hypervisor gives the paging ring of a process that was killed to the next one, so that there is a ring all the
    /// while.</summary>
    internal bool GivesRingsOver => CapabilityWords.Split(' ').Any(static word =>
        word.StartsWith(CapabilityToken, StringComparison.Ordinal)
        && int.TryParse(word.AsSpan(CapabilityToken.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int fixes)
        && fixes >= FixThatGivesRingsOver);

    /// <summary>Whether the hypervisor's extension takes domains with nested paging, too.</summary>
    internal bool HasNestedExtension => CapabilityWords.Split(' ').Contains(NestedToken);

    /// <summary>Asks the host. Touches no domain.</summary>
    /// <exception cref="Errors.MigrationException">It does not answer.</exception>
    internal static XenHostFacts Read(XenControl control) => new(
        control.GetHostInfo(),
        control.GetText(XenText.ExtraVersion),
        control.GetText(XenText.Capabilities),
        control.GetDomain(0).Flags.HasFlag(XenDomainFlags.Hvm),
        control.SupportsPaging());
}

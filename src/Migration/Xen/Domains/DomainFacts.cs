using System.Globalization;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Domains;

/// <summary>What is fixed about a source domain for as long as it is open.</summary>
internal sealed class DomainFacts
{
    /// <summary>The special pages of HVM domains lie from here to FFFFF.</summary>
    private const int FirstSpecialPage = 0xFE000;

    private const int LastSpecialPage = 0xFFFFF;

    /// <summary>The devices whose other ends touch a guest's memory.</summary>
    private static readonly string[] s_devices = ["vbd", "vif"];

    /// <summary>Asks the hypervisor for the facts.</summary>
    /// <param name="control">The connection.</param>
    /// <param name="hostName">The host's name.</param>
    /// <param name="name">The domain's name.</param>
    /// <param name="domid">Its number.</param>
    /// <param name="pageCount">One past its highest page frame, which kinds of domains find differently.</param>
    internal DomainFacts(XenControl control, string hostName, string name, int domid, int pageCount)
    {
        XenDomainInfo info = control.GetDomain(domid);
        DomId = domid;
        PageCount = pageCount;
        Info = Describe(control, hostName, name, info, PageCount);
        IEnumerable<uint> parameters = info.Flags.HasFlag(XenDomainFlags.Hvm) ? XenHvmParameters.Migrated : [];
        Parameters =
        [
            .. parameters
                .Select(index => new XenHvmParameter(index, control.GetHvmParameter(domid, index)))
                .Where(parameter => parameter.Value != 0),
        ];
        Emptied = Parameters
            .Where(parameter => XenHvmParameters.Emptied.Contains(parameter.Index) && parameter.Value < (ulong)PageCount)
            .Select(parameter => (int)parameter.Value)
            .ToHashSet();
    }

    internal int DomId { get; }

    internal DomainInfo Info { get; }

    internal int PageCount { get; }

    /// <summary>The parameters that migrate; a PV domain has none.</summary>
    internal IReadOnlyList<XenHvmParameter> Parameters { get; }

    /// <summary>Rings of the hypervisor and of the toolstack: their content does not migrate.</summary>
    internal IReadOnlySet<int> Emptied { get; }

    /// <summary>The domain's pages.</summary>
    internal PageBitmap FindPages(XenControl control) => PopulatedPages.Find(control, DomId, PageCount, Emptied);

    /// <summary>The special pages among those, ascending: hypervisor and toolstack use them without a fault.</summary>
    internal IReadOnlyCollection<int> SpecialPages(PageBitmap populated)
    {
        SortedSet<int> special = [.. populated.Pfns().SkipWhile(pfn => pfn < FirstSpecialPage).TakeWhile(pfn => pfn <= LastSpecialPage)];
        special.UnionWith(Parameters
            .SelectMany(parameter => XenHvmParameters.AddressedFrames(parameter.Index, parameter.Value))
            .Where(frame => frame < (ulong)PageCount && populated[(int)frame])
            .Select(frame => (int)frame));
        return special;
    }

    /// <summary>A snapshot of a domain.</summary>
    internal static DomainInfo Describe(XenControl control, string hostName, string name, XenDomainInfo info, int pageCount)
    {
        return new DomainInfo(
            name,
            (int)info.DomId,
            hostName,
            ShutdownReasons.StateOf(info),
            KindOf(control, info),
            (int)info.MaxVcpuId + 1,
            pageCount,
            (long)info.TotalPages * Page.Size);
    }

    /// <summary>Whether something in the control domain touches a domain's memory beside the guest: an emulator, or what is behind its disks and
    /// network cards.</summary>
    internal static bool HasBackends(XenControl control, int domid) =>
        control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/image/device-model-pid")) is not null
        || s_devices.Any(kind => control.ListStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/device/{kind}")).Count > 0);

    /// <summary>A domain's kind.</summary>
    internal static DomainKind KindOf(XenControl control, XenDomainInfo info)
    {
        if (!info.Flags.HasFlag(XenDomainFlags.Hvm))
        {
            return DomainKind.PV;
        }

        string? type = control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/libxl/{info.DomId}/type"));
        return type == "hvm" ? DomainKind.Hvm : DomainKind.Pvh;
    }
}

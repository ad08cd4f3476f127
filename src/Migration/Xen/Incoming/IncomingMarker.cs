using System.Globalization;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Incoming;

/// <summary>How far an incoming domain has come.</summary>
internal enum IncomingStage
{
    /// <summary>It has never run: taking it down loses nothing, because the source still has the domain.</summary>
    Preparing,

    /// <summary>It runs here, or is about to: it may be the only copy.</summary>
    Committed,
}

/// <summary>
/// What XenStore says of incoming domains, so that a later run finds what a killed one left: /prerecord/incoming/DOMID holds
/// the stage, the owning process and the domain's provisional name.
/// </summary>
internal sealed class IncomingMarker
{
    private const string Root = "/prerecord/incoming";
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly string _name;

    private IncomingMarker(XenControl control, int domid, string name)
    {
        _control = control;
        _domid = domid;
        _name = name;
    }

    private static string PathOf(int domid) => string.Create(CultureInfo.InvariantCulture, $"{Root}/{domid}");

    /// <summary>Marks a domain as being prepared by this process.</summary>
    internal static IncomingMarker Place(XenControl control, int domid, string name)
    {
        IncomingMarker marker = new(control, domid, name);
        marker.Write(IncomingStage.Preparing);
        return marker;
    }

    /// <summary>Says how far the domain has come.</summary>
    internal void Write(IncomingStage stage) => _control.WriteStore(PathOf(_domid), $"{stage} {OwnerProcess.Current} {_name}");

    /// <summary>Takes the mark away.</summary>
    internal void Remove() => RemoveFor(_control, _domid);

    /// <summary>Takes a domain's mark away.</summary>
    internal static void RemoveFor(XenControl control, int domid) => control.RemoveStore(PathOf(domid));

    /// <summary>
    /// Takes down what killed runs left: domains that never ran. A domain that has run is left alone and named.
    /// </summary>
    /// <returns>The provisional names of domains which a killed run left running or about to run.</returns>
    internal static IReadOnlyList<string> Sweep(XenControl control)
    {
        List<string> left = [];
        foreach (string child in control.ListStore(Root))
        {
            string path = $"{Root}/{child}";
            string[] parts = (control.ReadStore(path) ?? "").Split(' ', 3);
            if (!int.TryParse(child, NumberStyles.None, CultureInfo.InvariantCulture, out int domid)
                || parts.Length != 3
                || !Enum.TryParse(parts[0], out IncomingStage stage)
                || !OwnerProcess.TryParse(parts[1], out OwnerProcess owner))
            {
                control.RemoveStore(path);
                continue;
            }

            if (owner.IsAlive)
            {
                continue;
            }

            // The number may belong to another domain by now; only the provisional name makes it ours.
            if (DomainNames.Find(control, parts[2]) != domid)
            {
                control.RemoveStore(path);
            }
            else if (stage == IncomingStage.Preparing)
            {
                DestroyIfThere(control, domid);
                control.RemoveStore(path);
            }
            else
            {
                left.Add(parts[2]);
            }
        }

        return left;
    }

    /// <summary>Destroys a domain which the toolstack may be taking down at the same time.</summary>
    internal static void DestroyIfThere(XenControl control, int domid)
    {
        try
        {
            control.Destroy(domid);
        }
        catch (XenException error) when (error.Errno == XenErrno.NoProcess)
        {
            // Somebody was faster; gone is what it was to be.
        }
    }
}

/// <summary>Domains by name, as XenStore has them.</summary>
internal static class DomainNames
{
    /// <summary>The name of a domain; null where it has none.</summary>
    internal static string? Of(XenControl control, int domid) =>
        control.ReadStore(string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/name"));

    /// <summary>The number of the domain of a name, or null.</summary>
    internal static int? Find(XenControl control, string name)
    {
        foreach (XenDomainInfo domain in control.ListDomains())
        {
            if (!domain.Flags.HasFlag(XenDomainFlags.Dying) && Of(control, (int)domain.DomId) == name)
            {
                return (int)domain.DomId;
            }
        }

        return null;
    }
}

using System.Globalization;
using PreRecordMigration.Xen.Incoming;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Source;

/// <summary>What a killed process would leave behind.</summary>
internal enum SourceStage
{
    /// <summary>The domain runs, perhaps with traps.</summary>
    Running,

    /// <summary>It was suspended or paused and is to run on here: nobody else can have its state.</summary>
    Stopped,

    /// <summary>It was stopped and its state may have gone to a destination, where it may run by now.</summary>
    Leaving,
}

/// <summary>
/// What XenStore says of a domain that is the source of a recording, so that the next run mends what a killed one left:
/// /prerecord/source/DOMID holds the stage, the owning process and the domain's UUID.
/// </summary>
internal sealed class SourceMarker
{
    private const string Root = "/prerecord/source";
    private readonly XenControl _control;
    private readonly int _domid;
    private readonly string _uuid;

    private SourceMarker(XenControl control, int domid, string uuid)
    {
        _control = control;
        _domid = domid;
        _uuid = uuid;
    }

    /// <summary>A marker found: who owns the domain, and what it did last.</summary>
    internal readonly record struct Found(SourceStage Stage, OwnerProcess Owner);

    /// <summary>Where a domain's marker is.</summary>
    internal static string PathOf(int domid) => string.Create(CultureInfo.InvariantCulture, $"{Root}/{domid}");

    /// <summary>Reads the marker of a domain; null where there is none, or where it is another domain's of the same number.</summary>
    internal static Found? Read(XenControl control, int domid, string uuid)
    {
        string[] parts = (control.ReadStore(PathOf(domid)) ?? "").Split(' ');
        return parts.Length == 3
            && Enum.TryParse(parts[0], out SourceStage stage)
            && OwnerProcess.TryParse(parts[1], out OwnerProcess owner)
            && parts[2] == uuid
                ? new Found(stage, owner)
                : null;
    }

    /// <summary>Marks a domain as owned by this process.</summary>
    internal static SourceMarker Place(XenControl control, int domid, string uuid, SourceStage stage)
    {
        SourceMarker marker = new(control, domid, uuid);
        marker.Write(stage);
        return marker;
    }

    /// <summary>Says what is done to the domain; before it is done.</summary>
    internal void Write(SourceStage stage) => _control.WriteStore(PathOf(_domid), $"{stage} {OwnerProcess.Current} {_uuid}");

    /// <summary>Leaves the mark without a living owner: the next run mends the domain.</summary>
    internal void WriteOrphaned(SourceStage stage) =>
        _control.WriteStore(PathOf(_domid), $"{stage} {default(OwnerProcess)} {_uuid}");

    /// <summary>Takes the mark away.</summary>
    internal void Remove() => _control.RemoveStore(PathOf(_domid));
}

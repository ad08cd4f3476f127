using System.Globalization;
using PreRecordMigration.Errors;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>
/// The rings in which a domain asks its backends. A backend answers each request once it has done it: where as many are answered as were asked for,
/// nothing of a domain that stands still is under way, nor will be.
/// </summary>
/// <param name="control">The connection.</param>
/// <param name="domid">The domain.</param>
internal sealed class BackendRings(IDomainControl control, int domid)
{
    /// <summary>Most queues that a device of Linux's backends has.</summary>
    private const int MostQueues = 64;

    /// <summary>The largest ring, of 2^4 pages.</summary>
    private const int LargestOrder = 4;

    /// <summary>Waits until a disk has answered all that a domain which stands still asked for.</summary>
    /// <param name="disk">The disk's number.</param>
    /// <param name="patience">How long.</param>
    /// <returns>Whether it has.</returns>
    internal bool AwaitDisk(int disk, TimeSpan patience) => Await(DiskRings(disk), patience);

    /// <summary>Waits until all that a domain which stands still sent has been taken from its card.</summary>
    internal bool AwaitCard(int card, TimeSpan patience) => Await(Queues("vif", card).Select(queue => Reference($"{queue}/tx-ring-ref")), patience);

    /// <summary>Pages of rings that a disk has: what is under way has room in them.</summary>
    internal int PagesOfDisk(int disk)
    {
        string front = Front("vbd", disk);
        return Queues("vbd", disk).Count() << Math.Clamp(Number($"{front}/ring-page-order"), 0, LargestOrder);
    }

    /// <summary>Queues that a card has.</summary>
    internal int QueuesOfCard(int card) => Queues("vif", card).Count();

    private IEnumerable<uint> DiskRings(int disk) => Queues("vbd", disk)
        .Select(queue => Reference(control.ReadStore($"{queue}/ring-ref") is null ? $"{queue}/ring-ref0" : $"{queue}/ring-ref"));

    private bool Await(IEnumerable<uint> rings, TimeSpan patience)
    {
        uint[] references = [.. rings];
        return Patience.AwaitNone(() => references.Count(reference => !control.IsRingIdle(domid, reference)), patience) == 0;
    }

    /// <summary>Where a device's queues are; none where the guest has not connected it.</summary>
    private IEnumerable<string> Queues(string kind, int index)
    {
        string front = Front(kind, index);
        if (control.ReadStore($"{front}/state") != "4")
        {
            return [];
        }

        int several = Math.Min(Number($"{front}/multi-queue-num-queues"), MostQueues);
        return several > 0
            ? Enumerable.Range(0, several).Select(queue => several == 1 && control.ListStore($"{front}/queue-0").Count == 0 ? front : $"{front}/queue-{queue}")
            : [front];
    }

    private string Front(string kind, int index) => string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domid}/device/{kind}/{index}");

    private int Number(string path) =>
        int.TryParse(control.ReadStore(path), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;

    private uint Reference(string path) =>
        uint.TryParse(control.ReadStore(path), NumberStyles.None, CultureInfo.InvariantCulture, out uint reference)
            ? reference
            : throw new MigrationException(
                MigrationErrorId.OutputNotIsolable,
                $"The guest does not say in {path} where its ring is.",
                "Use the mode Observe; the guest's driver is no usual one.");
}

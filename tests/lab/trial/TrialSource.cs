using PreRecordMigration.CoreStates;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Pages;
using PreRecordMigration.Xen;
using PreRecordMigration.Xen.Incoming;
using PreRecordMigration.Xen.Native;

namespace PreRecordMigration.LabTrial;

/// <summary>A suspended guest whose whole memory is copied: the simplest source there is.</summary>
internal sealed class TrialSource : IDisposable
{
    private const int Chunk = 1024;
    private const int FirstSpecialPage = 0xfeff8;
    private readonly XenControl _control;
    private readonly string _name;
    private readonly PageBitmap _populated;
    private readonly Dictionary<int, byte[]> _memory = [];
    private XenPagingRing? _ring;

    private TrialSource(XenControl control, string name, int domid)
    {
        _control = control;
        _name = name;
        DomId = domid;
        _populated = new PageBitmap((int)control.GetMaximumGfn(domid) + 1);

        // 256 MiB and the special pages; looking at every frame below 4 GiB takes minutes under emulation.
        ForEachChunk(Enumerable.Range(0, 0x10000).Concat(Enumerable.Range(0xfe000, _populated.PageCount - 0xfe000)), gfns =>
        {
            uint[] types = new uint[gfns.Length];
            control.GetPageTypes(domid, gfns, types);
            for (int i = 0; i < types.Length; i++)
            {
                if (types[i] < 0xd000_0000)
                {
                    _populated.TrySet((int)gfns[i]);
                }
            }
        });
    }

    internal int DomId { get; }

    internal static TrialSource Open(XenControl control, string name) => new(
        control, name, DomainNames.Find(control, name) ?? throw new InvalidOperationException($"There is no domain {name}."));

    internal DomainDescription Describe()
    {
        XenCpuPolicy policy = _control.GetCpuPolicy(DomId);
        XenHostInfo host = _control.GetHostInfo();
        XenDomainConfiguration configuration = new(
            _control.GetConfigurationJson(DomId), host.Major, host.Minor, policy.Leaves, policy.Msrs,
            [.. XenHvmParameters.Migrated
                .Select(index => new XenHvmParameter(index, _control.GetHvmParameter(DomId, index)))
                .Where(parameter => parameter.Value != 0)],
            [.. _populated.Pfns().Where(pfn => pfn >= FirstSpecialPage)]);
        return new DomainDescription(
            _name, DomainKind.Pvh, _populated.PageCount, [.. _populated.Ranges()],
            (int)_control.GetDomain(DomId).MaxVcpuId + 1, configuration.Serialise());
    }

    internal CoreState Checkpoint()
    {
        _control.WriteStore($"/local/domain/{DomId}/control/shutdown", "suspend");
        while (!_control.GetDomain(DomId).IsSuspended)
        {
            Thread.Sleep(5);
        }

        byte[] context = _control.GetHvmContext(DomId);
        XenTscInfo tsc = _control.GetTsc(DomId);
        ForEachChunk(_populated.Pfns(), gfns =>
        {
            byte[] contents = new byte[gfns.Length * Page.Size];
            int[] errors = new int[gfns.Length];
            _control.ReadPages(DomId, gfns, contents, errors);
            for (int i = 0; i < gfns.Length; i++)
            {
                if (errors[i] != 0)
                {
                    throw new InvalidOperationException($"Page {gfns[i]:x}: error {errors[i]}.");
                }

                _memory[(int)gfns[i]] = contents.AsSpan(i * Page.Size, Page.Size).ToArray();
            }
        });
        List<int> core = FindBusyPages();
        XenCoreSections sections = new(context, new XenTsc(tsc.Mode, tsc.Khz, tsc.ElapsedNanoseconds, tsc.Incarnation));
        return new CoreState(
            [], sections.ToSections(), new PageSet([.. core], Contents([.. core])), 0);
    }

    internal byte[] Content(int pfn) => _memory[pfn];

    internal byte[] Contents(int[] pfns)
    {
        byte[] contents = new byte[pfns.Length * Page.Size];
        for (int i = 0; i < pfns.Length; i++)
        {
            _memory[pfns[i]].CopyTo(contents, i * Page.Size);
        }

        return contents;
    }

    internal void Destroy() => _control.Destroy(DomId);

    public void Dispose() => _ring?.Dispose();

    /// <summary>The pages that the hypervisor cannot take away, and the special ones.</summary>
    private List<int> FindBusyPages()
    {
        List<int> busy = [];
        _ring = new XenPagingRing(_control, DomId);
        using XenPagingBatch batch = new(_control, Chunk, withPages: false);
        ForEachChunk(_populated.Pfns(), gfns =>
        {
            int[] results = new int[gfns.Length];
            batch.Run(DomId, XenPagingOperation.Nominate, gfns, [], results);
            busy.AddRange(gfns.Where((gfn, i) => results[i] != 0 || gfn >= FirstSpecialPage).Select(gfn => (int)gfn));
        });
        Console.WriteLine($"         core pages {string.Join(" ", busy.Select(pfn => pfn.ToString("x", null)))}");
        return busy;
    }

    private static void ForEachChunk(IEnumerable<int> pfns, Action<ulong[]> action)
    {
        foreach (int[] chunk in pfns.Chunk(Chunk))
        {
            action(Array.ConvertAll(chunk, pfn => (ulong)pfn));
        }
    }
}

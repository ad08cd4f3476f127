using System.Buffers.Binary;
using System.Numerics;
using PreRecordMigration.Pages;
using static PreRecordMigration.Pages.PageTableEntry;

namespace PreRecordMigration.Simulated.Guest;

/// <summary>A guest at its start: its memory, its vCPUs, and the pages that the hypervisor writes.</summary>
internal sealed record GuestImage(GuestPages Pages, VcpuContext[] Contexts, int[] SharedInfoPfns);

/// <summary>Boots a guest: lays physical memory out by the seed, makes the tables and fills the data pages.</summary>
internal sealed class GuestBuilder
{
    private const ulong PresentUser = Present | User;
    private const ulong PresentAccessed = PresentUser | Accessed;
    private const ulong Writable = 1 << 1;
    private const int LargestBlockOrder = 10;
    private const int SmallestShare = 64;
    private readonly SimulatedDomainOptions _options;
    private readonly GuestLayout _layout;
    private readonly GuestPages _pages;
    private readonly int[] _frames;
    private GuestRandom _random;
    private int _nextFrame;
    private int _tablesEnd;

    private GuestBuilder(SimulatedDomainOptions options)
    {
        _options = options;
        _layout = new GuestLayout(options);
        _pages = new GuestPages(_layout.PageCount, _layout.Populated);
        _random = new GuestRandom(options.Seed);
        _frames = ShuffleFrames();
        _tablesEnd = _frames.Length;
    }

    public static GuestImage Build(SimulatedDomainOptions options) => new GuestBuilder(options).Build();

    private GuestImage Build()
    {
        // The kernel half belongs to every address space: its top entries are copied into each root. Its accessed bits
        // are set from the start, so that vCPUs do not write to tables they share.
        int kernel = NewTable();
        for (int i = 0; i < GuestLayout.KernelPages; i++)
        {
            int pfn = NewFrame();
            PageContent.Fill(_pages.Writable(pfn), PageContent.Key(_options.Seed, -1, i, 0), _layout.ContentPeriod);
            Map(kernel, GuestLayout.KernelBase + ((ulong)i << Page.Shift), pfn, PresentAccessed);
        }

        VcpuContext[] contexts = new VcpuContext[_layout.VcpuCount];
        int[] sharedInfo = new int[_layout.VcpuCount];
        int[] tasks = new int[_layout.VcpuCount];
        for (int vcpu = 0; vcpu < contexts.Length; vcpu++)
        {
            (tasks[vcpu], sharedInfo[vcpu]) = (NewFrame(), NewFrame());
            Map(kernel, GuestLayout.TaskPage(vcpu), tasks[vcpu], PresentAccessed);
            Map(kernel, GuestLayout.SharedInfoPage(vcpu), sharedInfo[vcpu], PresentAccessed);
        }

        for (int vcpu = 0; vcpu < contexts.Length; vcpu++)
        {
            for (int process = 0; process < _layout.ProcessesPerVcpu; process++)
            {
                int root = NewProcess(kernel, _layout.ProcessId(vcpu, process));
                BinaryPrimitives.WriteUInt64LittleEndian(
                    _pages.Writable(tasks[vcpu])[(process * sizeof(ulong))..], (ulong)root << Page.Shift);
            }

            contexts[vcpu] = new VcpuContext
            {
                Cr3 = BinaryPrimitives.ReadUInt64LittleEndian(_pages[tasks[vcpu]]),
                Random = new GuestRandom(_options.Seed ^ GuestRandom.Mix((ulong)vcpu + 1)),
            };
        }

        return new GuestImage(_pages, contexts, sharedInfo);
    }

    private int NewProcess(int kernel, int id)
    {
        int root = NewTable();
        _pages[kernel][(Page.Size / 2)..].CopyTo(_pages.Writable(root)[(Page.Size / 2)..]);
        for (int i = 0; i < _layout.DataPagesPerProcess; i++)
        {
            int pfn = NewFrame();
            PageContent.Fill(_pages.Writable(pfn), PageContent.Key(_options.Seed, id, i, 0), _layout.ContentPeriod);
            Map(root, GuestLayout.DataBase + ((ulong)i << Page.Shift), pfn, PresentUser | Writable);
        }

        for (int i = 0; i < _layout.GenerationPagesPerProcess; i++)
        {
            Map(root, GuestLayout.GenerationBase + ((ulong)i << Page.Shift), NewFrame(), PresentUser | Writable);
        }

        return root;
    }

    private void Map(int root, ulong address, int pfn, ulong flags)
    {
        int table = root;
        for (int shift = 39; shift > Page.Shift; shift -= 9)
        {
            Span<byte> entry = _pages.Writable(table)[(int)(((address >> shift) & 511) * sizeof(ulong))..];
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            if (value == 0)
            {
                value = ((ulong)NewTable() << Page.Shift) | flags | Writable;
                BinaryPrimitives.WriteUInt64LittleEndian(entry, value);
            }

            table = (int)FrameOf(value);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(
            _pages.Writable(table)[(int)(((address >> Page.Shift) & 511) * sizeof(ulong))..],
            ((ulong)pfn << Page.Shift) | flags | (flags == PresentAccessed ? Dirty : 0));
    }

    private int NewFrame() => _frames[_nextFrame++];

    // Tables are scattered: each takes a frame from anywhere among those left.
    private int NewTable()
    {
        int pick = _nextFrame + _random.Below(_tablesEnd - _nextFrame);
        _tablesEnd--;
        (_frames[pick], _frames[_tablesEnd]) = (_frames[_tablesEnd], _frames[pick]);
        return _frames[_tablesEnd];
    }

    /// <summary>
    /// The populated frames in the order in which they are given out. Free memory of a kernel that has run for long lies in
    /// blocks of powers of two, small ones by far the most frequent: here each size holds about as much memory as any other.
    /// Blocks come in no order, the frames of a block in ascending order.
    /// </summary>
    private int[] ShuffleFrames()
    {
        int largest = Math.Min(LargestBlockOrder, BitOperations.Log2((uint)Math.Max(1, _layout.MemoryPages / SmallestShare)));
        List<PageRange> blocks = [];
        foreach (PageRange range in _layout.Populated)
        {
            for (int first = range.First; first < range.End;)
            {
                int length = Math.Min(1 << BlockOrder(largest), range.End - first);
                blocks.Add(new PageRange(first, length));
                first += length;
            }
        }

        for (int i = blocks.Count - 1; i > 0; i--)
        {
            int other = _random.Below(i + 1);
            (blocks[i], blocks[other]) = (blocks[other], blocks[i]);
        }

        int[] frames = new int[_layout.MemoryPages];
        int next = 0;
        foreach (PageRange block in blocks)
        {
            for (int pfn = block.First; pfn < block.End; pfn++)
            {
                frames[next++] = pfn;
            }
        }

        return frames;
    }

    /// <summary>An order from 0 to the largest, each half as likely as the one below it.</summary>
    private int BlockOrder(int largest) =>
        largest - BitOperations.Log2((uint)(1 + _random.Below((2 << largest) - 1)));
}

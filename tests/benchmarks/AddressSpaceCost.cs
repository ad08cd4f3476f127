using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using PreRecordMigration.CoreStates;
using PreRecordMigration.Options;
using PreRecordMigration.Ordering;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Benchmarks;

/// <summary>
/// What the map of a guest of 64 GiB costs whose processes have mapped every second page, one by one and in no order; and the whole order with it.
/// </summary>
[Config(typeof(ShortInProcess))]
[MemoryDiagnoser]
public class AddressSpaceCost
{
    private const int PageCount = 16 << 20;
    private const int TableCount = PageCount / 1024;
    private const ulong User = 0x67;
    private readonly PageBitmap _populated = new(PageCount);
    private CoreState _core = null!;
    private Tables _memory = null!;
    private AddressSpaces _spaces = null!;
    private Recording.AccessTrajectory _trajectory = null!;

    [GlobalSetup]
    public void Make()
    {
        _populated.SetAll();
        _memory = new Tables();
        _core = new CoreState([new VcpuState(0, 0, PagingMode.FourLevel)], [], PageSet.Empty, 0);
        _spaces = Read();
        _trajectory = SyntheticRecordings.Trajectory(PageCount, 1 << 20);
    }

    [Benchmark(Description = "address spaces of 8 Mi mapped pages of 16 Mi")]
    public AddressSpaces Read() => AddressSpaceReader.Read(_core, _memory, _populated, []);

    [Benchmark(Description = "order of 16 Mi pages without them")]
    public int BuildWithout() => PageOrder.Build(_populated, _trajectory, [PageOrderStrategy.Auto], null, RecordingMode.Observe).Count;

    [Benchmark(Description = "order of 16 Mi pages with them")]
    public int Build() => PageOrder.Build(_populated, _trajectory, [PageOrderStrategy.Auto], null, RecordingMode.Observe, _spaces).Count;

    [Benchmark(Description = "beginning to follow it")]
    public int Follow() => new LivePageOrder(PageOrder.OfRest(_populated, _spaces), _populated).Next();

    /// <summary>Page tables made as they are read: page 0 is the root, then one table of level 3, 32 of level 2, and those of level 1.</summary>
    private sealed class Tables : IGuestMemory
    {
        private const int Level2 = 2;
        private const int Level1 = Level2 + (TableCount / 512);

        public int PageCount => AddressSpaceCost.PageCount;

        public void Read(ReadOnlySpan<int> pfns, Span<byte> pages)
        {
            for (int i = 0; i < pfns.Length; i++)
            {
                Span<byte> page = Page.At(pages, i);
                page.Clear();
                int entries = pfns[i] switch { 0 => 1, 1 => TableCount / 512, _ => 512 };
                for (int j = 0; j < entries; j++)
                {
                    int next = pfns[i] switch
                    {
                        0 => 1,
                        1 => Level2 + j,
                        < Level1 => Level1 + ((pfns[i] - Level2) * 512) + j,

                        // An odd factor: each page once, and none beside its neighbour.
                        _ => (int)((uint)(((pfns[i] - Level1) * 512) + j) * 2_654_435_761u % PageCount),
                    };
                    BinaryPrimitives.WriteUInt64LittleEndian(page[(j * 8)..], ((ulong)next << Page.Shift) | User);
                }
            }
        }

        public void Write(ReadOnlySpan<int> pfns, ReadOnlySpan<byte> pages) => throw new NotSupportedException();
    }
}

using FsCheck;
using FsCheck.Fluent;
using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Pages;

public sealed class PageBitmapTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(130)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(12287)]
    [InlineData(12288)]
    public void All_bits_and_no_more(int pageCount)
    {
        PageBitmap bitmap = new(pageCount);
        bitmap.SetAll();
        Assert.Equal(pageCount, bitmap.Count);
        Assert.Equal(Enumerable.Range(0, pageCount), bitmap.Pfns());
        Assert.Equal(-1, bitmap.NextClear(0));
        Assert.Equal(pageCount == 0 ? [] : [new PageRange(0, pageCount)], bitmap.Ranges());
        bitmap.Clear();
        Assert.Equal(0, bitmap.Count);
        Assert.Equal(-1, bitmap.NextSet(0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(131)]
    public void Survives_as_bytes_and_takes_no_page_beyond_the_last(int pageCount)
    {
        PageBitmap bitmap = new(pageCount);
        for (int pfn = 0; pfn < pageCount; pfn += 3)
        {
            bitmap.TrySet(pfn);
        }

        byte[] bytes = bitmap.ToBytes();
        Assert.Equal(PageBitmap.ByteCount(pageCount), bytes.Length);
        Assert.True(PageBitmap.TryFromBytes(bytes, pageCount, out PageBitmap? read));
        Assert.Equal(bitmap.Pfns(), read.Pfns());
        Assert.False(PageBitmap.TryFromBytes([.. bytes, 0], pageCount, out _));
        if (pageCount % 8 != 0)
        {
            bytes[^1] |= 0x80;
            Assert.False(PageBitmap.TryFromBytes(bytes, pageCount, out _));
        }
    }

    [Fact]
    public void Large_maps_are_sets_of_numbers_whatever_parts_of_them_are_all_alike()
    {
        const int PageCount = (5 * 4096) + 77;
        Random random = new(20);
        for (int round = 0; round < 200; round++)
        {
            (PageBitmap bitmap, bool[] model) = (new(PageCount), new bool[PageCount]);
            (PageBitmap other, bool[] ofOther) = (new(PageCount), new bool[PageCount]);
            for (int step = 0; step < 6; step++)
            {
                int first = random.Next(4) == 0 ? 4096 * random.Next(5) : random.Next(PageCount);
                int count = random.Next(3) switch
                {
                    0 => Math.Min(4096 * random.Next(1, 5), PageCount - first),
                    1 => Math.Min(1, PageCount - first),
                    _ => random.Next(PageCount - first),
                };
                (PageBitmap changed, bool[] changedModel) = random.Next(2) == 0 ? (bitmap, model) : (other, ofOther);
                if (random.Next(3) > 0)
                {
                    changed.SetRange(first, count);
                    changedModel.AsSpan(first, count).Fill(true);
                }
                else
                {
                    for (int pfn = first; pfn < first + count; pfn++)
                    {
                        Assert.Equal(changedModel[pfn], changed.TryClear(pfn));
                        changedModel[pfn] = false;
                    }
                }
            }

            Check(bitmap, model);
            PageBitmap either = bitmap.Clone();
            Assert.True(either.HasSameBits(bitmap));
            either.Or(other);
            Check(either, [.. model.Zip(ofOther, (a, b) => a || b)]);
            PageBitmap without = bitmap.Clone();
            without.AndNot(other);
            Check(without, [.. model.Zip(ofOther, (a, b) => a && !b)]);
            Check(bitmap, model);
            Assert.Equal(model.SequenceEqual(ofOther), bitmap.HasSameBits(other));
            bitmap.Clear();
            Check(bitmap, new bool[PageCount]);
        }

        static void Check(PageBitmap bitmap, bool[] model)
        {
            int[] expected = [.. Enumerable.Range(0, PageCount).Where(pfn => model[pfn])];
            int[] copied = new int[PageCount];
            Assert.Equal(expected, bitmap.Pfns());
            Assert.Equal(expected, copied[..bitmap.CopyPfns(copied)]);
            Assert.Equal(expected.Length, bitmap.Count);
            Assert.Equal(expected, bitmap.Ranges().SelectMany(range => Enumerable.Range(range.First, range.Count)));
            Assert.True(PageBitmap.TryFromBytes(bitmap.ToBytes(), PageCount, out PageBitmap? read));
            Assert.True(read.HasSameBits(bitmap));
        }
    }

    [Fact]
    public void One_thread_alone_changes_a_bit_of_a_part_that_was_all_alike()
    {
        const int PageCount = 64 * 4096;
        PageBitmap bitmap = new(PageCount);
        int set = 0;
        int cleared = 0;
        Parallel.For(0, 8, _ => Interlocked.Add(ref set, Enumerable.Range(0, PageCount).Count(bitmap.TrySet)));
        Assert.Equal(PageCount, set);
        bitmap.Clear();
        bitmap.SetAll();
        Parallel.For(0, 8, _ => Interlocked.Add(ref cleared, Enumerable.Range(0, PageCount).Count(bitmap.TryClear)));
        Assert.Equal(PageCount, cleared);
        Assert.Equal(0, bitmap.Count);
    }

    [Fact]
    public void Behaves_as_a_set_of_numbers()
    {
        Prop.ForAll<int[], int[]>((added, removed) =>
        {
            const int PageCount = 300;
            PageBitmap bitmap = new(PageCount);
            SortedSet<int> model = [];
            foreach (int pfn in added.Select(Wrap))
            {
                Assert.Equal(model.Add(pfn), bitmap.TrySet(pfn));
            }

            foreach (int pfn in removed.Select(Wrap))
            {
                Assert.Equal(model.Remove(pfn), bitmap.TryClear(pfn));
            }

            Assert.Equal(model, bitmap.Pfns());
            Assert.Equal(model.Count, bitmap.Count);
            Assert.Equal(model, bitmap.Ranges().SelectMany(range => Enumerable.Range(range.First, range.Count)));
            Assert.All(Enumerable.Range(0, PageCount), pfn => Assert.Equal(model.Contains(pfn), bitmap[pfn]));

            static int Wrap(int value) => (int)((uint)value % PageCount);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Ranges_are_as_long_as_they_can_be()
    {
        PageBitmap bitmap = new(200);
        bitmap.SetRange(3, 70);
        bitmap.SetRange(100, 28);
        bitmap.SetRange(199, 1);
        Assert.Equal([new PageRange(3, 70), new PageRange(100, 28), new PageRange(199, 1)], bitmap.Ranges());
    }

    [Fact]
    public void Or_and_and_not_are_union_and_difference()
    {
        PageBitmap left = new(100);
        PageBitmap right = new(100);
        left.SetRange(0, 60);
        right.SetRange(40, 60);
        PageBitmap union = left.Clone();
        union.Or(right);
        left.AndNot(right);
        Assert.Equal(100, union.Count);
        Assert.Equal(Enumerable.Range(0, 40), left.Pfns());
        Assert.Throws<ArgumentOutOfRangeException>(() => left.Or(new PageBitmap(99)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(64)]
    [InlineData(int.MaxValue)]
    public void Pages_outside_are_refused(int pfn)
    {
        PageBitmap bitmap = new(64);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap[pfn]);
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.TrySet(pfn));
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.TryClear(pfn));
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.SetRange(pfn, 1));
    }

    [Fact]
    public void Exactly_one_of_many_threads_changes_a_bit()
    {
        const int PageCount = 5000;
        PageBitmap bitmap = new(PageCount);
        Assert.Equal(PageCount, WinsOf(bitmap.TrySet));
        Assert.Equal(PageCount, bitmap.Count);
        Assert.Equal(PageCount, WinsOf(bitmap.TryClear));
        Assert.Equal(0, bitmap.Count);

        static int WinsOf(Func<int, bool> change)
        {
            int wins = 0;
            Parallel.For(0, 4, _ =>
            {
                for (int pfn = 0; pfn < PageCount; pfn++)
                {
                    if (change(pfn))
                    {
                        Interlocked.Increment(ref wins);
                    }
                }
            });
            return wins;
        }
    }
}

using PreRecordMigration.Pages;

namespace PreRecordMigration.Tests.Pages;

public sealed class PageHashTests
{
    [Fact]
    public void Any_changed_byte_changes_both_halves()
    {
        byte[] page = RandomPage(1);
        PageHash before = PageHash.Of(page);
        for (int i = 0; i < Page.Size; i++)
        {
            page[i] ^= 0x40;
            PageHash after = PageHash.Of(page);
            Assert.NotEqual(before.High, after.High);
            Assert.NotEqual(before.Low, after.Low);
            page[i] ^= 0x40;
        }

        Assert.Equal(before, PageHash.Of(page));
    }

    [Fact]
    public void The_place_of_a_word_counts()
    {
        HashSet<PageHash> seen = [PageHash.Of(new byte[Page.Size])];
        for (int i = 0; i < Page.Size; i += sizeof(ulong))
        {
            byte[] page = new byte[Page.Size];
            page[i] = 1;
            Assert.True(seen.Add(PageHash.Of(page)), $"a one at byte {i} is not told from one elsewhere");
        }
    }

    [Fact]
    public void Swapped_words_are_seen_within_a_lane_and_between_lanes()
    {
        byte[] page = RandomPage(2);
        PageHash before = PageHash.Of(page);
        for (int distance = 1; distance <= 8; distance++)
        {
            byte[] swapped = [.. page];
            page.AsSpan(0, sizeof(ulong)).CopyTo(swapped.AsSpan(distance * sizeof(ulong)));
            page.AsSpan(distance * sizeof(ulong), sizeof(ulong)).CopyTo(swapped);
            Assert.NotEqual(before, PageHash.Of(swapped));
        }
    }

    [Fact]
    public void Bits_of_the_hash_are_even_over_many_pages()
    {
        const int Pages = 4096;
        int[] ones = new int[128];
        for (int seed = 0; seed < Pages; seed++)
        {
            byte[] page = new byte[Page.Size];
            BitConverter.TryWriteBytes(page, seed);
            PageHash hash = PageHash.Of(page);
            for (int bit = 0; bit < 64; bit++)
            {
                ones[bit] += (int)(hash.Low >> bit & 1);
                ones[64 + bit] += (int)(hash.High >> bit & 1);
            }
        }

        // Six standard deviations of a fair coin: 6 · √4096 / 2.
        Assert.All(ones, count => Assert.InRange(count, (Pages / 2) - 192, (Pages / 2) + 192));
    }

    [Fact]
    public void Only_a_whole_page_has_a_hash() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PageHash.Of(new byte[Page.Size - 1]));

    private static byte[] RandomPage(int seed)
    {
        byte[] page = new byte[Page.Size];
        new Random(seed).NextBytes(page);
        return page;
    }
}

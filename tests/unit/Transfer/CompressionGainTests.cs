using PreRecordMigration.Options;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>What is compressed, over links and of contents that are numbers: no time is measured here.</summary>
public sealed class CompressionGainTests
{
    private const int Record = 64 * 4096;
    private const double Megabyte = 1e6;

    [Theory]
    [InlineData(12.5, 0.5, true)] // 100 Mbit/s
    [InlineData(117, 0.5, true)] // 1 Gbit/s
    [InlineData(117, 0.3, true)]
    [InlineData(117, 0.8, true)]
    [InlineData(1_200, 0.5, false)] // 10 Gbit/s
    [InlineData(1_200, 0.9, false)]
    [InlineData(5_000, 0.5, false)] // loopback
    [InlineData(5_000, 0.95, false)]
    public void Pages_are_compressed_where_the_link_is_slower_than_what_the_compressor_saves(double megabytes, double saved, bool isCompressed)
    {
        Link link = new(PageCompression.Auto) { Rate = megabytes * Megabyte, Saved = saved };
        link.Send(256 << 20);
        Assert.InRange(link.Compressed(1024 << 20), isCompressed ? 0.8 : 0, isCompressed ? 1 : 0.1);
    }

    [Fact]
    public void What_does_not_shrink_is_left_alone_almost_at_once_and_looked_at_more_and_more_rarely()
    {
        Link link = new(PageCompression.Auto) { Rate = 117 * Megabyte, Saved = 0 };
        Assert.InRange(link.Compressed(16 << 20), 0, 0.07);
        Assert.InRange(link.Compressed(256 << 20), 0.001, 0.03);
        link.Send(2048L << 20);
        Assert.InRange(link.Compressed(1024 << 20), 0.0005, 0.005);
    }

    [Fact]
    public void Where_no_processor_is_idle_a_slow_send_is_no_slow_link_and_what_is_short_is_not_spent()
    {
        Link link = new(PageCompression.Auto) { Rate = 50 * Megabyte, Saved = 0.7, Spare = 0 };
        Assert.InRange(link.Compressed(64 << 20), 0, 0.1);
        Assert.InRange(link.Compressed(512 << 20), 0, 0.05);
        link.Spare = 1;
        link.Send(512 << 20);
        Assert.InRange(link.Compressed(256 << 20), 0.9, 1);
    }

    [Fact]
    public void Where_compressing_itself_takes_all_of_a_processor_the_link_is_seen_when_it_goes_plain()
    {
        // Plain pages wait for the link six tenths of the time; compressed ones hardly ever.
        Link link = new(PageCompression.Auto) { Rate = 117 * Megabyte, Saved = 0.6, Cost = 4e-9 };
        long compressed = 0;
        for (int i = 0; i < 1024; i++)
        {
            link.Spare = link.IsOn ? 0 : 0.6;
            compressed += link.Compressed(1 << 20) > 0.5 ? 1 : 0;
        }

        Assert.InRange(compressed, 512, 1024);
    }

    [Fact]
    public void What_shrinks_again_is_compressed_again()
    {
        Link link = new(PageCompression.Auto) { Rate = 117 * Megabyte, Saved = 0 };
        link.Send(256 << 20);
        link.Saved = 0.6;
        link.Send(512 << 20);
        Assert.InRange(link.Compressed(256 << 20), 0.9, 1);
    }

    [Fact]
    public void A_link_that_gets_slower_or_faster_is_noticed()
    {
        Link link = new(PageCompression.Auto) { Rate = 2_000 * Megabyte, Saved = 0.6 };
        link.Send(512 << 20);
        Assert.InRange(link.Compressed(128 << 20), 0, 0.1);
        link.Rate = 50 * Megabyte;
        link.Send(64 << 20);
        Assert.InRange(link.Compressed(256 << 20), 0.9, 1);
        link.Rate = 5_000 * Megabyte;
        link.Send(512 << 20);
        Assert.InRange(link.Compressed(256 << 20), 0, 0.1);
    }

    [Fact]
    public void A_limit_counts_as_a_slow_link_from_the_first_record_on_and_until_it_is_lifted()
    {
        Link link = new(PageCompression.Auto) { Rate = 5_000 * Megabyte, Saved = 0.5, Limit = 32_000_000 };
        Assert.Equal(1, link.Compressed(256 << 20));
        link.Limit = null;
        link.Send(256 << 20);
        Assert.InRange(link.Compressed(512 << 20), 0, 0.1);
        link.Limit = 32_000_000;
        link.Send(64 << 20);
        Assert.Equal(1, link.Compressed(256 << 20));
    }

    [Fact]
    public void It_does_not_go_to_and_fro_where_neither_is_worth_more()
    {
        // The gain is the cost: 0.5 of a byte's 4 ns, and 2 ns.
        Link link = new(PageCompression.Auto) { Rate = 250 * Megabyte, Saved = 0.5, Cost = 2e-9 };
        link.Send(2048L << 20);
        Assert.InRange(link.Turns, 0, 6);
    }

    [Theory]
    [InlineData(PageCompression.Always, true, 1)]
    [InlineData(PageCompression.Always, false, 0)]
    [InlineData(PageCompression.Off, true, 0)]
    [InlineData(PageCompression.Auto, false, 0)]
    public void What_was_chosen_is_done_as_far_as_the_destination_can(PageCompression chosen, bool canPeer, double compressed)
    {
        Link link = new(chosen, canPeer) { Rate = 50_000 * Megabyte, Saved = 0 };
        Assert.Equal(compressed, link.Compressed(512 << 20));
    }

    [Fact]
    public void Pages_of_zeros_are_no_reason_for_anything()
    {
        CompressionGain gain = new(PageCompression.Auto, canPeer: true);
        for (int i = 0; i < 100_000; i++)
        {
            gain.Sent(524, 524, TimeSpan.Zero, TimeSpan.Zero, null, 1);
        }

        Link link = new(gain) { Rate = 117 * Megabyte, Saved = 0.6 };
        link.Send(128 << 20);
        Assert.InRange(link.Compressed(256 << 20), 0.9, 1);
    }

    /// <summary>A link behind a buffer that takes bytes at once while it has room, as the kernels at both ends do.</summary>
    private sealed class Link(CompressionGain gain)
    {
        private const int Buffer = 8 << 20;
        private const double CopyTime = 0.2e-9;
        private double _buffered;

        public Link(PageCompression chosen, bool canPeer = true)
            : this(new CompressionGain(chosen, canPeer))
        {
        }

        /// <summary>Bytes a second.</summary>
        public required double Rate { get; set; }

        /// <summary>The part of each record that compression saves.</summary>
        public required double Saved { get; set; }

        /// <summary>What compression takes, in seconds a byte.</summary>
        public double Cost { get; init; } = 1.5e-9;

        public long? Limit { get; set; }

        /// <summary>The share of the time in which a processor is idle.</summary>
        public double Spare { get; set; } = 1;

        public bool IsOn => gain.IsOn;

        /// <summary>How often compression was turned on or off.</summary>
        public int Turns { get; private set; }

        public void Send(long bytes) => Compressed(bytes);

        /// <summary>Sends so many bytes of pages.</summary>
        /// <returns>The part of the records that was compressed, or would have been if it had shrunk.</returns>
        public double Compressed(long bytes)
        {
            int records = (int)(bytes / Record);
            int tried = 0;
            for (int i = 0; i < records; i++)
            {
                bool isOn = gain.IsOn;
                if (gain.ShouldTry)
                {
                    tried++;
                    Pass(Record * Cost);
                    SendOne((int)(Record * (1 - Saved)), TimeSpan.FromSeconds(Record * Cost));
                }
                else
                {
                    SendOne(Record, null);
                }

                Turns += isOn == gain.IsOn ? 0 : 1;
            }

            return (double)tried / records;
        }

        private void SendOne(int bytes, TimeSpan? compressing)
        {
            double held = Math.Max(0, _buffered + bytes - Buffer) / Rate;
            double took = held + (bytes * CopyTime);
            Pass(took);
            _buffered += bytes;
            gain.Sent(Record, bytes, compressing, TimeSpan.FromSeconds(took), Limit, Spare);
            if (Limit is { } limit)
            {
                Pass((double)bytes / limit);
            }
        }

        private void Pass(double seconds) => _buffered = Math.Max(0, _buffered - (seconds * Rate));
    }
}

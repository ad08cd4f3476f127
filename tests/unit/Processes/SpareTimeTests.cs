using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Processes;

namespace PreRecordMigration.Tests.Processes;

/// <summary>What the kernel's counts of time say of a processor to spare; the clock is moved by hand.</summary>
public sealed class SpareTimeTests
{
    private readonly FakeTimeProvider _time = new();
    private string? _line = "cpu  100 0 100 1000 0 0 0 0 0 0";
    private int _reads;

    [Fact]
    public void It_is_the_share_of_the_time_since_the_last_look()
    {
        SpareTime spare = Spare();
        Assert.Equal(1, spare.Share);
        Pass(busy: 100, idle: 0);
        Assert.Equal(0, spare.Share);
        Pass(busy: 1000 * Environment.ProcessorCount, idle: 500);
        Assert.InRange(spare.Share, 0.1, 0.5);
        Pass(busy: 0, idle: 100);
        Assert.Equal(1, spare.Share);
    }

    [Fact]
    public void An_answer_is_used_for_a_while()
    {
        SpareTime spare = Spare();
        for (int i = 0; i < 100; i++)
        {
            _ = spare.Share;
        }

        Assert.Equal(1, _reads);
        _time.Advance(SpareTime.Lasts);
        _ = spare.Share;
        _ = spare.Share;
        Assert.Equal(2, _reads);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("cpu")]
    [InlineData("cpu 1 2 3")]
    [InlineData("cpu0 100 0 100 1000 0 0 0 0")]
    [InlineData("cpu  x y z -1 99999999999999999999 0 0 0")]
    public void What_is_not_known_is_all_of_it(string? line)
    {
        SpareTime spare = Spare();
        _ = spare.Share;
        _line = line;
        _time.Advance(SpareTime.Lasts);
        Assert.Equal(1, spare.Share);
        _time.Advance(SpareTime.Lasts);
        Assert.Equal(1, spare.Share);
    }

    [Fact]
    public void This_machine_has_an_answer() => Assert.InRange(SpareTime.OfThisMachine.Share, 0, 1);

    private SpareTime Spare() => new(Read, _time);

    private string? Read()
    {
        _reads++;
        return _line;
    }

    private void Pass(int busy, int idle)
    {
        long[] ticks = [.. _line!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(long.Parse)];
        _line = $"cpu  {ticks[0] + busy} 0 {ticks[2]} {ticks[3] + idle} 0 0 0 0 0 0";
        _time.Advance(SpareTime.Lasts);
    }
}

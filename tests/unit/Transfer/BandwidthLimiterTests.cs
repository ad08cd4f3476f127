using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Options;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

/// <summary>Sends that are spaced by a limit, and the limit changing while one waits. Time stands still unless a test moves it.</summary>
public sealed class BandwidthLimiterTests : IDisposable
{
    private readonly WaitedTime _time = new();
    private readonly MigrationLimits _limits = new(new MigrationOptions { BandwidthLimit = 1_000 }.Bounds);
    private readonly BandwidthLimiter _limiter;

    public BandwidthLimiterTests() => _limiter = new BandwidthLimiter(_limits, _time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _time.Dispose();

    [Fact]
    public async Task A_send_waits_for_as_long_as_its_bytes_take()
    {
        Task sending = Send(10_000);
        Assert.Equal(TimeSpan.FromSeconds(10), await _time.NextAsync());
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(sending.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await sending;
    }

    [Fact]
    public async Task A_limit_that_is_lifted_ends_the_wait_that_it_made()
    {
        Task sending = Send(10_000_000);
        await _time.NextAsync();
        SetLimit(null);
        await sending;
        await Send(10_000_000);
    }

    [Theory]
    [InlineData(6_000, 1)]
    [InlineData(500, 12)]
    [InlineData(1_000, 6)]
    public async Task What_is_left_to_wait_for_takes_as_long_as_the_new_limit_says(long limit, int seconds)
    {
        Task sending = Send(10_000);
        await _time.NextAsync();
        _time.Advance(TimeSpan.FromSeconds(4));
        SetLimit(limit);
        Assert.Equal(TimeSpan.FromSeconds(seconds), await _time.NextAsync());
        _time.Advance(TimeSpan.FromSeconds(seconds));
        await sending;
    }

    [Fact]
    public async Task A_limit_that_comes_later_counts_what_is_sent_from_then_on()
    {
        SetLimit(null);
        await Send(10_000_000);
        SetLimit(1_000);
        Task sending = Send(2_000);
        Assert.Equal(TimeSpan.FromSeconds(2), await _time.NextAsync());
        _time.Advance(TimeSpan.FromSeconds(2));
        await sending;
    }

    [Fact]
    public async Task Cancelling_ends_the_wait()
    {
        using CancellationTokenSource cancellation = new();
        Task sending = Task.Run(() => _limiter.Sent(10_000, cancellation.Token), Cancel);
        await _time.NextAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
    }

    private Task Send(int bytes) => Task.Run(() => _limiter.Sent(bytes, Cancel), Cancel);

    private void SetLimit(long? limit) => _limits.Change(bounds => bounds with { BandwidthLimit = limit });

    /// <summary>Says when somebody begins to wait, and for how long.</summary>
    private sealed class WaitedTime : FakeTimeProvider, IDisposable
    {
        private readonly SemaphoreSlim _begun = new(0);
        private TimeSpan _wait;

        public async Task<TimeSpan> NextAsync()
        {
            await _begun.WaitAsync(Cancel);
            return _wait;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            _wait = dueTime;
            _begun.Release();
            return timer;
        }

        public void Dispose() => _begun.Dispose();
    }
}

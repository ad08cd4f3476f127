using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Measuring;

namespace PreRecordMigration.Tests.Measuring;

public sealed class OutsideTests
{
    [Theory]
    [InlineData("data/lab", "beat=12 checks=7", 12L)]
    [InlineData("data/lab:checks", "beat=12 checks=7", 7L)]
    [InlineData("data/lab:eat", "beat=12 checks=7", null)]
    [InlineData("data/lab:beat", "heartbeat=3 beat=12", 12L)]
    [InlineData("data/lab", "", null)]
    [InlineData("data/lab", "no number", null)]
    [InlineData("data/lab", "x9999999999999999999", null)]
    [InlineData("data/lab", null, null)]
    [InlineData("data/lab:beat", "beat=x", null)]
    public void A_number_is_found_in_whatever_a_guest_writes(string key, string? text, long? number) => Assert.Equal(number, BeatKey.Parse(key).Find(text));

    [Theory]
    [InlineData("")]
    [InlineData("/data")]
    [InlineData("data//lab")]
    [InlineData("data/../lab x")]
    [InlineData("data/lab:")]
    [InlineData("data/lab:a:b")]
    public void What_is_no_node_is_refused(string key) =>
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => BeatKey.Parse(key)).ErrorId);

    [Fact]
    public void The_longest_gap_counts_from_the_first_sign_to_the_end()
    {
        FakeTimeProvider time = new();
        GapClock gaps = new(time);
        Assert.Null(gaps.Longest());
        time.Advance(TimeSpan.FromSeconds(9));
        gaps.Sign();
        time.Advance(TimeSpan.FromSeconds(2));
        gaps.Sign();
        Assert.Equal(TimeSpan.FromSeconds(2), gaps.Longest());
        gaps.Begin();
        time.Advance(TimeSpan.FromSeconds(1));
        gaps.Sign();
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.FromSeconds(3), gaps.Longest());
    }

    [Theory]
    [InlineData("10.0.0.7")]
    [InlineData("10.0.0.7:0")]
    [InlineData("10.0.0.7:70000")]
    [InlineData("300.1.1.1:22")]
    public void What_is_no_service_is_refused(string text) =>
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => OutsideProbe.Parse(text)).ErrorId);

    [Theory]
    [InlineData(ProbeKind.Connect)]
    [InlineData(ProbeKind.Echo)]
    public async Task A_service_that_answers_is_heard_and_one_that_is_silent_makes_a_gap(ProbeKind kind)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using CancellationTokenSource over = new();
        Task serving = Task.Run(() => Serve(listener, over.Token), TestContext.Current.CancellationToken);
        await using (OutsideProbe probe = new(OutsideProbe.Parse($"{listener.LocalEndpoint}"), kind, TimeProvider.System))
        {
            Assert.True(SpinWait.SpinUntil(() => probe.Gaps.Signs >= 5, TimeSpan.FromSeconds(60)));
            Assert.NotNull(probe.Gaps.Longest());
        }

        await over.CancelAsync();
        listener.Stop();
        await serving;
        await using OutsideProbe silent = new(new IPEndPoint(IPAddress.Loopback, 1), kind, TimeProvider.System);
        Assert.Null(silent.Gaps.Longest());
    }

    private static async Task Serve(TcpListener listener, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptSocketAsync(cancellationToken);
                _ = Task.Run(
                    async () =>
                    {
                        using Socket mine = socket;
                        byte[] buffer = new byte[64];
                        try
                        {
                            for (int count; (count = await mine.ReceiveAsync(buffer, cancellationToken)) > 0;)
                            {
                                await mine.SendAsync(buffer.AsMemory(0, count), cancellationToken);
                            }
                        }
                        catch (Exception error) when (error is SocketException or OperationCanceledException)
                        {
                            // The other end has gone, or the test is over.
                        }
                    },
                    CancellationToken.None);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}

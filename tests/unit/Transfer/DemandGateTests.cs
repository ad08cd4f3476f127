using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transfer;

public sealed class DemandGateTests : IDisposable
{
    private readonly DemandGate _gate = new();

    public void Dispose() => _gate.Dispose();

    [Fact]
    public void A_push_goes_on_where_no_request_waits() => Assert.True(_gate.GiveWay(CancellationToken.None));

    [Fact]
    public void A_push_goes_on_in_the_end_though_requests_never_cease()
    {
        _gate.Arrived();
        Assert.False(_gate.GiveWay(CancellationToken.None));
    }

    [Fact]
    public void A_push_goes_on_once_every_request_is_answered()
    {
        _gate.Arrived();
        _gate.Arrived();
        _gate.Answered(1);
        Assert.False(_gate.GiveWay(CancellationToken.None));
        _gate.Answered(1);
        Assert.True(_gate.GiveWay(CancellationToken.None));
    }

    [Fact]
    public void Cancelling_ends_the_wait()
    {
        _gate.Arrived();
        Assert.Throws<OperationCanceledException>(() => _gate.GiveWay(new CancellationToken(canceled: true)));
    }
}

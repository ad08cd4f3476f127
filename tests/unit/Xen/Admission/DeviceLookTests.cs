using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Policies;
using PreRecordMigration.Xen.Admission;
using PreRecordMigration.Xen.Domains;

namespace PreRecordMigration.Tests.Xen.Admission;

/// <summary>A file system whose server has gone holds no migration up.</summary>
public sealed class DeviceLookTests
{
    private const string Json = """{ "disks": [{ "vdev": "xvdb", "pdev_path": "/net/gone.img", "backend": "qdisk", "format": "raw" }] }""";
    private readonly FakeHostDevices _host = new();
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task A_look_that_does_not_come_back_is_given_up_with_the_device_that_it_was_at()
    {
        using ManualResetEventSlim looks = new();
        using ManualResetEventSlim answers = new();
        _host.BeforeLook = _ =>
        {
            looks.Set();
            answers.Wait();
        };
        try
        {
            Task<IReadOnlyList<AdmissionRefusal>> asked = Task.Run(() => Find(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
            looks.Wait(TestContext.Current.CancellationToken);

            // The patience may begin only after the look has.
            while (!asked.IsCompleted)
            {
                _clock.Advance(DeviceLook.Patience);
                await Task.Yield();
            }

            AdmissionRefusal refusal = Assert.Single(await asked);
            Assert.Equal("disk xvdb: what it is on does not answer within 4 s", refusal.ToString());
        }
        finally
        {
            answers.Set();
        }
    }

    [Fact]
    public async Task A_look_that_is_cancelled_is_not_waited_for()
    {
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using ManualResetEventSlim answers = new();
        _host.BeforeLook = _ =>
        {
            cancel.Cancel();
            answers.Wait();
        };
        try
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(() => Find(cancel.Token), TestContext.Current.CancellationToken));
        }
        finally
        {
            answers.Set();
        }
    }

    [Fact]
    public void A_look_that_comes_back_says_what_is_missing() =>
        Assert.Contains("is not there", Assert.Single(Find(TestContext.Current.CancellationToken)).Reason, StringComparison.Ordinal);

    private IReadOnlyList<AdmissionRefusal> Find(CancellationToken cancellationToken) => new DeviceLook(_host, _clock).FindMissing(
        new DeviceNeeds(new XenDomainConfiguration(Json, 4, 17, default, default, [], []), static _ => false, _host), cancellationToken);
}

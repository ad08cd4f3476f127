using System.Net;
using PreRecordMigration.Operations;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A service says that it is ready, where it stands when that has changed, and that it ends.</summary>
public sealed class ReceiverServiceTests
{
    [Fact]
    public async Task The_service_manager_hears_of_the_beginning_of_what_changes_and_of_the_end()
    {
        using WorkspaceFixture fixture = new();
        IPEndPoint listening = fixture.Workspace.Receivers.Start(fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30)).Endpoint;
        List<string> said = [];
        Queue<Func<Task>> meanwhile = new(
        [
            () => Task.CompletedTask,
            async () =>
            {
                await fixture.InterruptAsync();
                await fixture.Workspace.Receivers.Get("xen2").Incoming[0].Ended;
            },
            () => Task.CompletedTask,
        ]);
        await Task.Run(
            () => ReceiverService.Run(fixture.Workspace, said.Add, _ =>
            {
                bool isOver = !meanwhile.TryDequeue(out Func<Task>? next);
                next?.Invoke().GetAwaiter().GetResult();
                return isOver;
            }, () => false),
            TestContext.Current.CancellationToken);
        Assert.Equal(
            [
                $"READY=1\nSTATUS=Receiving: xen2 at {listening}; 0 migrations under way, 0 interrupted.",
                $"STATUS=Receiving: xen2 at {listening}; 0 migrations under way, 1 interrupted.",
                "STOPPING=1\nSTATUS=Ending: nothing more is let in, and what has left its source is waited for. "
                + $"Receiving: xen2 at {listening}; 0 migrations under way, 1 interrupted.",
            ],
            said);
    }

    [Fact]
    public async Task One_that_is_to_make_room_does_so_when_it_holds_nothing_and_lets_in_what_comes_until_then()
    {
        using WorkspaceFixture fixture = new();
        fixture.Workspace.Receivers.Start(fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        List<string> said = [];
        MigrationJob job = null!;
        bool isToRenew = false;
        Queue<Func<Task>> meanwhile = new(
        [
            async () =>
            {
                job = await fixture.InterruptAsync();
                await fixture.Workspace.Receivers.Get("xen2").Incoming[0].Ended;
                isToRenew = true;
            },
            () => Task.CompletedTask,
            async () =>
            {
                Assert.DoesNotContain(said, word => word.StartsWith("STOPPING", StringComparison.Ordinal));
                fixture.Workspace.Migrations.Resume(job, null);
                await job.Ended;
                SpinWait.SpinUntil(() => !fixture.Workspace.End.Matters && fixture.Workspace.Receivers.Get("xen2").WaitingConnections == 0);
            },
        ]);
        await Task.Run(
            () => ReceiverService.Run(
                fixture.Workspace,
                said.Add,
                _ =>
                {
                    Assert.True(meanwhile.TryDequeue(out Func<Task>? next), "it goes on though it holds nothing");
                    next().GetAwaiter().GetResult();
                    return false;
                },
                () => isToRenew),
            TestContext.Current.CancellationToken);
        Assert.Empty(meanwhile);
        Assert.Equal(MigrationState.Completed, job.State);
        Assert.Contains(said, word => word.StartsWith("STATUS=Goes on until it holds nothing", StringComparison.Ordinal));
        Assert.StartsWith("STOPPING=1", said[^1], StringComparison.Ordinal);
    }
}

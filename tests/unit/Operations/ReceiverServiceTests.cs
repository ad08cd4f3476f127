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
            }),
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
}

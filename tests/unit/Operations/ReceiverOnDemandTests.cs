using System.IO.Pipes;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Operations;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Operations;

/// <summary>A receiver that was started through ssh ends when nobody needs it, and not before.</summary>
public sealed class ReceiverOnDemandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("prerecord-demand-").FullName;
    private readonly FakeTimeProvider _clock = new();
    private readonly WorkspaceFixture _fixture = new();

    public void Dispose()
    {
        _fixture.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private TimeSpan Passed => _clock.GetUtcNow() - _clock.Start;

    private bool IsFound => Directory.GetFiles(_folder, ReceiverNote.Pattern).Length == 1;

    [Fact]
    public async Task It_ends_when_nothing_has_come_for_a_while_and_is_not_found_shortly_before()
    {
        MigrationReceiver receiver = Start(_fixture.Destination);
        List<bool> found = [];
        Assert.Contains("nothing has come for 0:10:00", await RunAsync(receiver, () => found.Add(IsFound)), StringComparison.Ordinal);
        Assert.Empty(_fixture.Workspace.Receivers.All);
        TimeSpan last = ReceiverOnDemand.IdleLimit + ReceiverOnDemand.Grace;
        Assert.InRange(Passed, last, last + TimeSpan.FromSeconds(5));
        Assert.False(found[^1]);
        Assert.All(found.Take((int)(ReceiverOnDemand.IdleLimit.TotalSeconds / 2)), Assert.True);
        Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(Route.Loopback(receiver.Endpoint), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(610)]
    public async Task Whoever_greets_has_it_stay_though_nobody_could_find_it_any_more(int seconds)
    {
        MigrationReceiver receiver = Start(_fixture.Destination);
        bool hasAsked = false;
        await RunAsync(receiver, () =>
        {
            if (!hasAsked && Passed >= TimeSpan.FromSeconds(seconds))
            {
                hasAsked = true;
                Assert.Equal(seconds < ReceiverOnDemand.IdleLimit.TotalSeconds, IsFound);
                ReceiverProbe.Ask(Route.Loopback(receiver.Endpoint), TestContext.Current.CancellationToken);
            }
            else if (hasAsked && Passed < TimeSpan.FromSeconds(seconds + 20) && Passed > TimeSpan.FromSeconds(seconds + 5))
            {
                Assert.True(IsFound);
            }
        });
        Assert.True(Passed >= TimeSpan.FromSeconds(seconds) + ReceiverOnDemand.IdleLimit);
    }

    [Fact]
    public async Task It_stays_while_a_domain_is_kept_and_ends_when_it_has_been_completed()
    {
        MigrationReceiver receiver = Start(_fixture.Destination);
        MigrationJob job = await _fixture.InterruptAsync();
        await receiver.Incoming[0].Ended;
        Assert.True(receiver.Incoming[0].IsKept);
        TimeSpan? completed = null;
        await RunAsync(receiver, () =>
        {
            if (completed is null && Passed > TimeSpan.FromHours(1))
            {
                completed = Passed;
                _fixture.Workspace.Migrations.Resume(job, null);
                job.Ended.GetAwaiter().GetResult();
                receiver.Incoming[0].Ended.GetAwaiter().GetResult();
            }
        });
        Assert.NotNull(completed);
        Assert.True(Passed >= completed + ReceiverOnDemand.IdleLimit);
    }

    [Fact]
    public async Task It_stays_while_a_domain_comes_in()
    {
        MigrationReceiver receiver = Start(_fixture.Destination);
        using ManualResetEventSlim goOn = new(), isComing = new();
        _fixture.Destination.Faults.Before(SimulatedCall.Place, 5, () =>
        {
            isComing.Set();
            goOn.Wait();
        });
        MigrationJob job = _fixture.Workspace.Migrations.Start(_fixture.Move());
        isComing.Wait(TestContext.Current.CancellationToken);
        await RunAsync(receiver, () =>
        {
            if (Passed > TimeSpan.FromHours(1) && !goOn.IsSet)
            {
                goOn.Set();
                job.Ended.GetAwaiter().GetResult();
            }
        });
        Assert.True(goOn.IsSet);
        Assert.Equal(MigrationState.Completed, job.State);
    }

    [Fact]
    public async Task It_stays_while_a_domain_waits_to_be_taken_over_or_nobody_can_tell()
    {
        LeavingHost host = new(_fixture.Destination) { HasLeft = true };
        await RunAsync(Start(host), () =>
        {
            host.Fails = Passed > TimeSpan.FromMinutes(30) && Passed < TimeSpan.FromMinutes(60);
            host.HasLeft = Passed < TimeSpan.FromMinutes(90);
        });
        Assert.InRange(Passed, TimeSpan.FromMinutes(90), TimeSpan.FromMinutes(101));
    }

    [Fact]
    public async Task Whoever_asks_it_to_end_is_heard_at_once()
    {
        MigrationReceiver receiver = Start(_fixture.Destination);
        Assert.Contains("asked", await Task.Run(() => ReceiverOnDemand.Run(_fixture.Workspace.Receivers, receiver, _folder, _clock, _ => true), TestContext.Current.CancellationToken), StringComparison.Ordinal);

        // The end of the process, which ends it, is the same as everywhere.
        Assert.Single(_fixture.Workspace.Receivers.All);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_of_this_machine_s_host_on_loopback_is_noted_where_ssh_looks_and_no_other_is(bool isThisMachine)
    {
        using SimulatedHost host = new(isThisMachine ? LocalXen.HostName.ToUpperInvariant() : "elsewhere");
        MigrationReceiver receiver = _fixture.Workspace.Receivers.Start(host, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        string[] Notes() => Directory.GetFiles(RuntimeFolder.Find(), $"receiver-*-{Environment.ProcessId}-*-{receiver.Endpoint.Port}");
        Assert.Equal(isThisMachine ? 1 : 0, Notes().Length);
        if (isThisMachine && !OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Notes()[0]));
        }

        _fixture.Workspace.Receivers.Stop(receiver);
        Assert.Empty(Notes());
    }

    [Theory]
    [InlineData("Xen\ndoes not answer.", "Xen does not answer.\nremedy Run it in dom0.\n")]
    [InlineData(null, "")]
    public void Who_waits_hears_why_it_does_not_listen_or_that_it_does_by_the_end(string? reason, string expected)
    {
        using AnonymousPipeServerStream waiting = new(PipeDirection.In, HandleInheritability.None);
        ReceiverOnDemand.Answer((int)waiting.ClientSafePipeHandle.DangerousGetHandle(), reason, "Run it in dom0.");
        waiting.ClientSafePipeHandle.SetHandleAsInvalid();
        using StreamReader heard = new(waiting);
        Assert.Equal(expected, heard.ReadToEnd());
    }

    [Fact]
    public void Where_nobody_waits_any_more_nothing_is_said()
    {
        using AnonymousPipeServerStream waiting = new(PipeDirection.In, HandleInheritability.None);
        waiting.SafePipeHandle.Dispose();
        ReceiverOnDemand.Answer((int)waiting.ClientSafePipeHandle.DangerousGetHandle(), "Xen does not answer.", "Run it in dom0.");
        waiting.ClientSafePipeHandle.SetHandleAsInvalid();
    }

    private MigrationReceiver Start(IMigrationHost host)
    {
        MigrationReceiver receiver = _fixture.Workspace.Receivers.Start(host, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        receiver.Announce(_folder);
        return receiver;
    }

    /// <summary>Runs it to its end, whose clock goes on with each look; at each the test does something before.</summary>
    private Task<string> RunAsync(MigrationReceiver receiver, Action atEachLook) => Task.Run(
        () => ReceiverOnDemand.Run(_fixture.Workspace.Receivers, receiver, _folder, _clock, time =>
        {
            _clock.Advance(time);
            atEachLook();
            return false;
        }),
        TestContext.Current.CancellationToken);

    /// <summary>A host on which a domain waits to be taken over.</summary>
    private sealed class LeavingHost(IMigrationHost host) : ForwardingHost(host)
    {
        public bool HasLeft { get; set; }

        public bool Fails { get; set; }

        public override LeftArrival? OpenArrival(Func<ReadOnlyMemory<byte>, DomainDescription?> which)
        {
            if (Fails)
            {
                throw new MigrationException(MigrationErrorId.DomainBusy, "Somebody works on it.", "Wait.");
            }

            Assert.Null(HasLeft ? which(new byte[] { 1 }) : null);
            return null;
        }
    }
}

using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>Takes every failure path by causing its failure.</summary>
public sealed class MigrationFailureTests
{
    private static readonly SimulatedCall[] s_sourceCallsBeforeCommit =
    [
        SimulatedCall.PlugOutputs, SimulatedCall.PrepareOutputs, SimulatedCall.HoldOutputs, SimulatedCall.Suspend, SimulatedCall.StartRecording, SimulatedCall.CaptureCoreState,
        SimulatedCall.RunFor, SimulatedCall.BeginEpoch, SimulatedCall.Read,
    ];

    public static TheoryData<SimulatedCall> SourceCalls => [.. s_sourceCallsBeforeCommit];

    public static TheoryData<SimulatedCall> DestinationCalls =>
        [SimulatedCall.CreateIncoming, SimulatedCall.EnableRemotePF, SimulatedCall.TakeAway, SimulatedCall.Restore, SimulatedCall.Unpause];

    [Theory]
    [MemberData(nameof(SourceCalls))]
    public async Task A_failure_at_the_source_before_the_commit_leaves_the_domain_running_there(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(call);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        Assert.Equal(MigrationErrorId.HypervisorCall, error.ErrorId);
        Assert.Contains(call.ToString(), error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_disk_that_cannot_be_given_to_the_destination_keeps_the_domain()
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(SimulatedCall.SetOutputsAside);
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.RunFor)]
    [InlineData(SimulatedCall.SetOutputsAside)]
    public async Task What_was_held_back_goes_out_though_releasing_it_fails_at_first(SimulatedCall ends)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(ends);
        fixture.Source.Faults.Fail(SimulatedCall.ReleaseOutputs);
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(16 * SimulatedOutput.Size, 1L << 20)]
    [InlineData(1L << 20, 16 * SimulatedDisk.BlockSize)]
    public async Task A_window_ends_early_where_as_much_is_held_back_as_can_be(long packets, long overlay)
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { OutputInterval = 100 });
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord) with
        {
            OutputLimits = new OutputLimits(packets, overlay),
            Window = TimeSpan.FromSeconds(1),
        });
        Assert.True(result.WindowCutShort);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_window_that_is_not_full_lasts_as_long_as_it_should()
    {
        await using MigrationFixture fixture = new();
        Assert.False((await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord))).WindowCutShort);
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.StartDirtyTracking)]
    [InlineData(SimulatedCall.Collect)]
    public async Task A_failure_of_dirty_tracking_leaves_the_domain_running_there(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        fixture.Source.Faults.Fail(call);
        await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreCopy)));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [MemberData(nameof(DestinationCalls))]
    public async Task A_failure_at_the_destination_before_the_domain_runs_there_leaves_it_running_at_the_source(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(call);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        Assert.Contains("The destination gave up", error.Message, StringComparison.Ordinal);
        Assert.Contains(call.ToString(), error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [MemberData(nameof(SourceCalls))]
    public async Task Cancelling_before_the_commit_leaves_the_domain_running_at_the_source(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        using CancellationTokenSource cancel = new();
        fixture.Source.Faults.Before(call, 1, cancel.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => fixture.MigrateUntilAsync(MigrationFixture.Move(MigrationMethod.PreRecord), cancel.Token));
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.CreateIncoming)]
    [InlineData(SimulatedCall.Restore)]
    public async Task Cancelling_while_the_destination_works_leaves_the_domain_running_at_the_source(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        using CancellationTokenSource cancel = new();
        fixture.Destination.Faults.Before(call, 1, cancel.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => fixture.MigrateUntilAsync(MigrationFixture.Move(MigrationMethod.PostCopy), cancel.Token));
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task Cancelling_after_the_commit_finishes_the_migration_all_the_same()
    {
        await using MigrationFixture fixture = new();
        using CancellationTokenSource cancel = new();
        fixture.Destination.Faults.Before(SimulatedCall.Place, 1, cancel.Cancel);
        await fixture.MigrateUntilAsync(MigrationFixture.Move(MigrationMethod.PostCopy), cancel.Token);
        Assert.True(cancel.IsCancellationRequested);
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [InlineData(SimulatedCall.Place)]
    [InlineData(SimulatedCall.WaitFault)]
    public async Task A_failure_at_the_destination_after_the_commit_keeps_both_sides_and_runs_neither(SimulatedCall call)
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(call);
        MigrationException error = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Contains("kept stopped here", error.Message, StringComparison.Ordinal);
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.Equal(DomainState.Suspended, fixture.Domain.State);
        Assert.NotEqual(DomainState.Running, fixture.Destination.GetDomains().Single().State);
        fixture.CheckNeverTwice();
    }

    [Fact]
    public async Task When_RemotePF_cannot_be_switched_off_the_complete_domain_runs_on_and_the_failure_is_told()
    {
        await using MigrationFixture fixture = new();
        FailDisablingForGood(fixture);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        IncomingMigration incoming = Assert.Single(fixture.Receiver.Incoming);
        await incoming.Ended;
        Assert.Equal(0, incoming.MissingPages);
        Assert.Contains(nameof(SimulatedCall.DisableRemotePF), incoming.AfterwardsError!.Message, StringComparison.Ordinal);
        Assert.Empty(fixture.Source.GetDomains());
        SimulatedDomain moved = fixture.Destination.GetDomain(Assert.Single(fixture.Destination.GetDomains()).Name);
        Assert.Contains(moved.Name, Assert.Single(result.Problems).Message, StringComparison.Ordinal);
        fixture.CheckRunsOn(moved);
    }

    [Fact]
    public async Task When_RemotePF_can_be_switched_off_at_the_second_try_nothing_has_failed()
    {
        await using MigrationFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.DisableRemotePF);
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        Assert.Empty(result.Problems);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task When_the_last_page_was_a_demanded_one_a_failed_switching_off_of_RemotePF_ends_both_sides_too()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { MemoryBytes = 4L << 20 });
        FailDisablingForGood(fixture);
        bool wasHeld = false;

        // The first answer to a fault waits until everything else has been pushed, and so brings the last page.
        void HoldAnswer()
        {
            if (Thread.CurrentThread.Name != SourceAttempt.AnswerThread)
            {
                fixture.Source.Faults.Before(SimulatedCall.Read, 1, HoldAnswer);
                return;
            }

            wasHeld = true;
            IncomingMigration incoming = fixture.Receiver.Incoming.Single();
            SpinWait.SpinUntil(() => incoming.State is DestinationState.Running { IsPushComplete: true } or { IsFinal: true });
        }

        fixture.Source.Faults.Before(SimulatedCall.Read, 1, HoldAnswer);
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy) with { BandwidthLimit = 64 << 20 });
        await fixture.Receiver.Incoming.Single().Ended;
        Assert.True(wasHeld);
        Assert.NotNull(fixture.Receiver.Incoming.Single().AfterwardsError);
        fixture.CheckNeverTwice();
    }

    [Fact]
    public async Task A_guest_that_does_not_suspend_runs_on()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { RefusesSuspend = true });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        Assert.Equal(MigrationErrorId.SuspendTimeout, error.ErrorId);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_domain_whose_outputs_cannot_be_isolated_is_not_rolled_back()
    {
        await using MigrationFixture fixture = new(MigrationFixture.Options() with { HasIsolableOutputs = false });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord)));
        Assert.Equal(MigrationErrorId.OutputNotIsolable, error.ErrorId);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_full_backup_store_ends_the_migration_and_loses_nothing()
    {
        await using MigrationFixture fixture = new();
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PreRecord) with { BackupLimitPages = 3 }));
        Assert.Equal(MigrationErrorId.BackupStoreFull, error.ErrorId);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_destination_without_memory_says_so()
    {
        await using MigrationFixture fixture = new(destination: new SimulatedHostOptions { MemoryBytes = 1 << 20 });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Equal(MigrationErrorId.OutOfMemory, error.ErrorId);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task Nobody_at_the_destination_is_an_error_that_names_the_address()
    {
        await using MigrationFixture fixture = new();
        IPEndPoint nobody = fixture.Receiver.Endpoint;
        await fixture.Receiver.DisposeAsync();
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(nobody), MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None));
        Assert.Equal(MigrationErrorId.DestinationUnreachable, error.ErrorId);
        Assert.Contains(nobody.ToString(), error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n", MigrationErrorId.ProtocolViolation)]
    [InlineData("", MigrationErrorId.ConnectionLost)]
    public async Task A_peer_that_is_no_receiver_is_found_out(string answer, MigrationErrorId expected)
    {
        await using MigrationFixture fixture = new();
        MigrationException error = await MigrateToAsync(fixture, System.Text.Encoding.ASCII.GetBytes(answer));
        Assert.Equal(expected, error.ErrorId);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_receiver_of_another_protocol_version_is_named_with_both_versions()
    {
        await using MigrationFixture fixture = new();
        MigrationException error = await MigrateToAsync(fixture, RecordCodec.Encode(new WelcomeRecord(77, 0)));
        Assert.Equal(MigrationErrorId.ProtocolVersion, error.ErrorId);
        Assert.Contains("77", error.Message, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_source_of_another_protocol_version_is_turned_away_with_both_versions()
    {
        await using MigrationFixture fixture = new();
        using Connection connection = Connection.Open(fixture.Route, CancellationToken.None);
        connection.Send(new HelloRecord(77, ConnectionRole.Bulk, Guid.NewGuid(), 0));
        AbortRecord abort = ReceiveAbort(connection);
        Assert.Equal(MigrationErrorId.ProtocolVersion, abort.ErrorId);
        Assert.Contains("77", abort.Message, StringComparison.Ordinal);
        Assert.Contains($"{Protocol.Version}", abort.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_at_the_receiver_is_turned_away_and_the_next_migration_succeeds()
    {
        await using MigrationFixture fixture = new();
        using (Connection garbage = Connection.Open(fixture.Route, CancellationToken.None))
        {
            garbage.Send("GET / HTTP/1.1\r\nHost: xen2\r\n\r\n"u8.ToArray());
            Assert.Equal(MigrationErrorId.ProtocolViolation, ReceiveAbort(garbage).ErrorId);
        }

        Assert.Equal(MigrationErrorId.ProtocolViolation, Assert.Single(fixture.Receiver.Rejections).ErrorId);
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
    }

    private static void FailDisablingForGood(MigrationFixture fixture)
    {
        for (int number = 1; number <= 12; number++)
        {
            fixture.Destination.Faults.Fail(SimulatedCall.DisableRemotePF, number);
        }
    }

    private static AbortRecord ReceiveAbort(Connection connection)
    {
        RecordType type = connection.Receive(out ReadOnlySpan<byte> body);
        return Assert.IsType<AbortRecord>(RecordCodec.Decode(type, body));
    }

    /// <summary>Migrates to a peer that answers each connection with the same bytes and closes it.</summary>
    private static async Task<MigrationException> MigrateToAsync(MigrationFixture fixture, byte[] answer)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task peer = Task.Run(async () =>
        {
            List<Socket> sockets = [];
            for (int i = 0; i < 2; i++)
            {
                sockets.Add(await listener.AcceptSocketAsync(TestContext.Current.CancellationToken));
                LoopbackProof.Accept(sockets[i], LoopbackKey.OfThisUser());
            }

            foreach (Socket socket in sockets)
            {
                await socket.SendAsync(answer, TestContext.Current.CancellationToken);
                socket.Shutdown(SocketShutdown.Send);
                byte[] sink = new byte[1024];
                while (await socket.ReceiveAsync(sink, TestContext.Current.CancellationToken) > 0)
                {
                    // Read until the source hangs up, so that the answer is not lost to a reset.
                }

                socket.Dispose();
            }
        });
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName),
            Route.Loopback((IPEndPoint)listener.LocalEndpoint),
            MigrationFixture.Move(MigrationMethod.PostCopy),
            null,
            CancellationToken.None));
        await peer;
        return error;
    }
}

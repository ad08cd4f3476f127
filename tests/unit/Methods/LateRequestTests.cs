using System.Buffers.Binary;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Reporting;
using PreRecordMigration.Transfer;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Methods;

/// <summary>The two connections are not in step: what was asked for on one may be read after the other has said that all is there.</summary>
public sealed class LateRequestTests
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_that_is_read_after_all_is_there_does_not_keep_the_final_name_from_being_heard()
    {
        await using MigrationFixture fixture = new();
        TaskCompletionSource read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ScriptedDestination destination = new()
        {
            AtRelease = demand =>
            {
                // Once the source has read the second request, it is done with the first. A source that took the first for an end would
                // never read the second.
                demand.Send(Request(0));
                demand.Send(Request(0));
                Task.WaitAny([read.Task, ended.Task], s_cancel);
            },
        };
        int requests = 0;
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PostCopy) with { Trace = new Listener(step => Count(step)) };
        Task<MigrationResult> moving = MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), Route.Loopback(destination.Endpoint), options, null, s_cancel);
        await ((Task)moving).ContinueWith(_ => ended.TrySetResult(), s_cancel, TaskContinuationOptions.None, TaskScheduler.Default);
        Assert.Empty((await moving).Problems);

        void Count(MigrationTrace step)
        {
            if (step is { Kind: MigrationTraceKind.Received, Name: nameof(RecordType.PageRequest) } && ++requests == 2)
            {
                read.TrySetResult();
            }
        }
    }

    private static byte[] Request(int pfn)
    {
        byte[] record = new byte[Protocol.HeaderSize + (2 * sizeof(uint))];
        RecordCodec.WriteHeader(record, RecordType.PageRequest, 2 * sizeof(uint));
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Protocol.HeaderSize), 1);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(Protocol.HeaderSize + sizeof(uint)), pfn);
        return record;
    }

    private sealed class Listener(Action<MigrationTrace> onStep) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value) => onStep(value);
    }
}

using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using PreRecordMigration.Errors;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Tests.Operations;

/// <summary>What a process says of itself as another one understands it, and what is not understood.</summary>
public sealed class BoardWordTests
{
    private const string Hostile = "web\u001b[2J\u009b31m\r\n\u202e";

    [Theory]
    [InlineData(MigrationMethod.PreRecord)]
    [InlineData(MigrationMethod.PostCopy)]
    public async Task What_a_migration_did_arrives_whole(MigrationMethod method)
    {
        using WorkspaceFixture fixture = new();
        MigrationJob job = await fixture.MoveAsync(method);
        MigrationInfo read = Assert.Single(Read(fixture).Migrations);
        MigrationInfo here = job.Describe();
        Listed<PhaseOutcome> none = [];
        Listed<string> unwarned = [];
        Assert.Equal(here with { Outcome = null, Warnings = unwarned, Pages = null }, read with { Outcome = null, Warnings = unwarned, Pages = null });
        Assert.Equal(
            here.Outcome! with { Phases = none, DowntimeParts = null, Pages = null, Known = null }, read.GetResult()! with { Phases = none, DowntimeParts = null, Pages = null });
        Assert.Equal(here.Outcome.Phases, read.GetResult()!.Phases);
        Assert.Equal(here.Outcome.DowntimeParts!, read.GetResult()!.DowntimeParts!);
        Assert.Equal(here.Outcome.Pages!, read.GetResult()!.Pages!);
        Assert.Equal(here.Pages!, read.Pages!);
        Assert.Equal(here.Outcome.GetDetails()!.ToString(), read.GetResult()!.GetDetails());
        Assert.Equal(method == MigrationMethod.PreRecord, read.GetResult()!.RollbackProof?.IsProved ?? false);
        Assert.Null(read.GetFailure());
        Assert.False(read.IsUnderWay());
    }

    [Fact]
    public async Task Why_one_failed_arrives_with_its_id_and_what_to_do()
    {
        using WorkspaceFixture fixture = new();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1, new MigrationException(MigrationErrorId.HypervisorCall, "Restore failed.", "Do it again."));
        MigrationJob job = await fixture.MoveAsync();
        MigrationException here = Assert.IsType<MigrationException>(job.Error, exactMatch: false);
        MigrationException read = Assert.IsType<MigrationException>(Assert.Single(Read(fixture).Migrations).GetFailure());
        Assert.Equal((here.ErrorId, here.Message, here.Remedy, "web01"), (read.ErrorId, read.Message, read.Remedy, read.Target));
    }

    [Fact]
    public void An_error_of_any_kind_is_the_same_kind_elsewhere()
    {
        OperationException operation = Assert.IsType<OperationException>(Travel(
            new OperationException("Some", OperationProblem.Busy, "It is busy.", "Wait.", null)));
        Assert.Equal(("Some", OperationProblem.Busy, "It is busy.", "Wait.", "web01"), (operation.ErrorId, operation.Problem, operation.Message, operation.Remedy, operation.Target));
        Assert.IsType<OperationCanceledException>(Travel(new OperationCanceledException("Stopped.")));
        Assert.Equal("A defect.", Assert.IsType<InvalidOperationException>(Travel(new ArgumentException("A defect."))).Message);
        Assert.Null(Travel(null));
    }

    [Fact]
    public async Task A_receiver_arrives_with_what_came_in()
    {
        using WorkspaceFixture fixture = new();
        using MigrationReceiverScope receiver = new(fixture);
        Assert.Equal("xen2", Assert.Single(Read(fixture).Receivers).HostName);
        MigrationJob job = await fixture.MoveAsync();
        await Task.WhenAll(receiver.Receiver.Incoming.Select(incoming => incoming.Ended));
        MigrationReceiverInfo read = Assert.Single(Read(fixture).Receivers);
        MigrationReceiverInfo here = MigrationReceiverInfo.Of(receiver.Receiver);
        (Listed<IncomingMigrationInfo> nothing, Listed<string> none) = ([], []);
        Assert.Equal(here with { Incoming = nothing, Rejections = none }, read with { Incoming = nothing, Rejections = none });
        Assert.Equal(here.Incoming, read.Incoming);
        Assert.Equal(("web01", "Finished", false), (read.Incoming[0].Name, read.Incoming[0].State, read.Incoming[0].IsUnderWay()));
        Assert.Equal(receiver.Receiver.Incoming[0].Id, read.Incoming[0].GetSession());
        Assert.Equal(MigrationState.Completed, job.State);
    }

    [Fact]
    public async Task What_is_too_much_for_a_line_is_left_out_and_counted_the_newest_last()
    {
        using WorkspaceFixture fixture = new();
        MigrationJob first = await fixture.MoveAsync();
        fixture.Destination.Faults.Fail(SimulatedCall.Restore, 1);
        MigrationJob second = fixture.Workspace.Migrations.Start(new PlannedMove(
            DomainLocation.Find("web01", fixture.Destination), Destination.Parse("xen1", fixture.Workspace), new MigrationOptions { Method = first.Describe().Method }, null));
        await second.Ended;
        int whole = BoardWord.Write(fixture.Workspace).Length;
        BoardWord read = BoardWord.Read(BoardWord.Write(fixture.Workspace, whole - 100));
        Assert.Equal(1, read.Omitted);
        Assert.Equal(second.InstanceId, Assert.Single(read.Migrations).InstanceId);
        Assert.Equal(2, BoardWord.Read(BoardWord.Write(fixture.Workspace, 10)).Omitted);
    }

    [Fact]
    public async Task Whatever_is_shown_of_it_may_be_shown()
    {
        using WorkspaceFixture fixture = new();
        using MigrationReceiverScope receiver = new(fixture);
        await fixture.MoveAsync(MigrationMethod.PreRecord);
        await Task.WhenAll(receiver.Receiver.Incoming.Select(incoming => incoming.Ended));
        JsonNode said = JsonNode.Parse(BoardWord.Write(fixture.Workspace))!;
        int texts = 0;
        Spoil(said);
        Assert.True(texts > 10);
        BoardWord read = BoardWord.Read(Encoding.UTF8.GetBytes(said.ToJsonString()));
        Assert.All(
            new object?[] { read.Migrations[0], read.Migrations[0].GetResult(), read.Receivers[0], read.Receivers[0].Incoming, read.Receivers[0].Rejections },
            one => Assert.True(ForeignText.IsPlain(one!.ToString())));
        Assert.Equal(@"web\u001B[2J\u009B31m\u000D\u000A\u202E", read.Migrations[0].Name);

        void Spoil(JsonNode? node)
        {
            foreach ((string key, JsonNode? value) in node is JsonObject o ? [.. o] : (KeyValuePair<string, JsonNode?>[])[])
            {
                // Texts that are no words of an enumeration, moments or ids.
                if (value is JsonValue text && text.TryGetValue(out string? _)
                    && key is "Name" or "Source" or "Destination" or "Error" or "HostName" or "Endpoint" or "Problems" or "AtCheckpoint" or "AfterWindow" or "State"
                    && !(key == "State" && node!.AsObject().ContainsKey("InstanceId")))
                {
                    node![key] = Hostile;
                    texts++;
                }

                Spoil(node![key]);
            }

            foreach (JsonNode? item in node as JsonArray ?? [])
            {
                Spoil(item);
            }
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"Schema\":2}", "another version of the module: its schema is 2")]
    [InlineData("{\"Schema\":1}")]
    [InlineData("{\"Schema\":1,\"Migrations\":[null],\"Receivers\":[],\"Omitted\":0}")]
    [InlineData("{\"Schema\":1,\"Migrations\":null,\"Receivers\":[],\"Omitted\":0}")]
    [InlineData("{\"Schema\":1,\"Migrations\":[],\"Receivers\":[null],\"Omitted\":0}")]
    [InlineData("{\"Schema\":1,\"Migrations\":[],\"Receivers\":[],\"Omitted\":-1}")]
    [InlineData("{\"Schema\":1,\"Migrations\":[],\"Receivers\":[],\"Omitted\":0}x")]
    [InlineData("{\"Schema\":1,\"Migrations\":[{}],\"Receivers\":[],\"Omitted\":0}")]
    [InlineData("{\"Schema\":1,\"Migrations\":[[[[[[[[[[[[]]]]]]]]]]]],\"Receivers\":[],\"Omitted\":0}")]
    [InlineData("not json")]
    [InlineData("")]
    public void What_is_no_word_is_refused(string line, string says = "")
    {
        FormatException error = Assert.Throws<FormatException>(() => BoardWord.Read(Encoding.UTF8.GetBytes(line)));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Id", "-1")]
    [InlineData("Id", "1e30")]
    [InlineData("PagesDone", "-1")]
    [InlineData("Elapsed", "-1")]
    [InlineData("Elapsed", "1e300")]
    [InlineData("State", "\"Flying\"")]
    [InlineData("State", "0")]
    [InlineData("State", "\"0\"")]
    [InlineData("Method", "null")]
    [InlineData("Name", "null")]
    [InlineData("Name", "\"\\ud800\"")]
    [InlineData("Started", "\"0001-01-01T00:00:00Z\"")]
    [InlineData("InstanceId", "\"none\"")]
    public async Task A_value_that_cannot_be_is_refused(string key, string value)
    {
        using WorkspaceFixture fixture = new();
        await fixture.MoveAsync();
        JsonNode said = JsonNode.Parse(BoardWord.Write(fixture.Workspace))!;
        string right = said.ToJsonString();
        Assert.Single(BoardWord.Read(Encoding.UTF8.GetBytes(right)).Migrations);
        said["Migrations"]![0]![key] = "HERE";
        string wrong = said.ToJsonString().Replace("\"HERE\"", value, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => BoardWord.Read(Encoding.UTF8.GetBytes(wrong)));
    }

    private static Exception? Travel(Exception? error) => MigrationFailure.Of(error, migration => migration.Remedy)?.ToException("web01");

    private static BoardWord Read(WorkspaceFixture fixture) => BoardWord.Read(BoardWord.Write(fixture.Workspace));

    /// <summary>A receiver of the destination.</summary>
    private sealed class MigrationReceiverScope : IDisposable
    {
        private readonly WorkspaceFixture _fixture;

        public MigrationReceiverScope(WorkspaceFixture fixture)
        {
            _fixture = fixture;
            Receiver = fixture.Workspace.Receivers.Start(
                fixture.Destination, new IPEndPoint(IPAddress.Loopback, 0), null, TimeSpan.FromSeconds(30));
        }

        public PreRecordMigration.Methods.MigrationReceiver Receiver { get; }

        public void Dispose() => _fixture.Workspace.Receivers.Stop(Receiver);
    }
}

using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Policies;
using PreRecordMigration.Reporting;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transfer;

namespace PreRecordMigration.Tests.Transports;

/// <summary>A source asks whether a domain would be let in; whoever does not ask is refused all the same.</summary>
public sealed class InquiryTests : IDisposable
{
    private static readonly CancellationToken s_cancel = TestContext.Current.CancellationToken;
    private readonly string _folder = Directory.CreateTempSubdirectory("inquiry-").FullName;

    private string Policy => Path.Combine(_folder, "policy.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_receiver_that_is_asked_says_what_it_refuses_and_makes_nothing(bool isTls)
    {
        await File.WriteAllTextAsync(Policy, """{ "kinds": ["simulated"], "maximumMemory": 4096 }""", s_cancel);
        await using MigrationFixture fixture = Strict(isTls);
        DomainDescription announced = fixture.Source.Announce(MigrationFixture.DomainName);

        AdmissionVerdict verdict = ReceiverProbe.Ask(fixture.Route, announced, s_cancel);

        Assert.Equal(Policy, verdict.Policy);
        Assert.Equal("memory", Assert.Single(verdict.Refusals).Setting);
        Assert.Empty(fixture.Receiver.Incoming);
        Assert.Empty(fixture.Receiver.Rejections);
        Assert.Empty(fixture.Destination.GetDomains());

        // The policy is read whenever it is asked for.
        await File.WriteAllTextAsync(Policy, """{ "kinds": ["simulated"] }""", s_cancel);
        Assert.Empty(ReceiverProbe.Ask(fixture.Route, announced, s_cancel).Refusals);
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [InlineData("{ \"kinds\": [] }", MigrationErrorId.RefusedByPolicy)]
    [InlineData("{ \"kinds\": [\"pvh\"] }", MigrationErrorId.RefusedByPolicy)]
    [InlineData("{ \"kinds\": [\"simulated\"], \"maximumVcpus\": 0 }", MigrationErrorId.InvalidFile)]
    [InlineData(null, MigrationErrorId.RefusedByPolicy)]
    public async Task A_migration_that_the_policy_does_not_let_in_ends_before_anything_is_made(string? policy, MigrationErrorId id)
    {
        if (policy is not null)
        {
            await File.WriteAllTextAsync(Policy, policy, s_cancel);
        }

        await using MigrationFixture fixture = Strict(isTls: false);
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Equal(id, error.ErrorId);
        Assert.Contains(Policy, error.Message + error.Remedy, StringComparison.Ordinal);
        await fixture.CheckStayedAsync();
    }

    public static TheoryData<SimulatedHostOptions, MigrationErrorId, string> Lacking => new()
    {
        { new SimulatedHostOptions { HasBridge = false }, MigrationErrorId.DeviceMissing, "network card 0: there is no bridge \"simbr0\"" },
        { new SimulatedHostOptions { ReachesDisks = false }, MigrationErrorId.DeviceMissing, "disk 0: \"/dev/sim/disk\" is not there" },
        { new SimulatedHostOptions { HasAvx2 = false }, MigrationErrorId.HostIncompatible, "CPUID 0x7:0.ebx: the domain has avx2" },
    };

    [Theory]
    [MemberData(nameof(Lacking))]
    public async Task What_the_destination_lacks_is_named_by_it_and_the_domain_stays(SimulatedHostOptions destination, MigrationErrorId id, string what)
    {
        await using MigrationFixture fixture = new(destination: destination);
        AdmissionVerdict verdict = ReceiverProbe.Ask(fixture.Route, fixture.Source.Announce(MigrationFixture.DomainName), s_cancel);
        MigrationException told = Assert.Single(verdict.Errors(MigrationFixture.DomainName));
        Assert.Equal(id, told.ErrorId);
        Assert.Contains(what, told.Message, StringComparison.Ordinal);
        Assert.NotEmpty(told.Remedy);

        // Whoever does not ask hears it all the same, before anything is made and before the domain stands still.
        bool hasStood = false;
        MigrationOptions options = MigrationFixture.Move(MigrationMethod.PreRecord) with
        {
            Trace = new Told(line => hasStood |= line.Contains("suspended", StringComparison.Ordinal)),
        };
        MigrationException refused = await Assert.ThrowsAsync<MigrationException>(() => fixture.MigrateAsync(options));
        Assert.Equal((told.ErrorId, told.Remedy), (refused.ErrorId, refused.Remedy));
        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
        Assert.False(hasStood);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_question_that_is_none_ends_its_connection_alone()
    {
        await using MigrationFixture fixture = new();
        using (Connection connection = Connection.Open(fixture.Route, TimeSpan.FromSeconds(30), s_cancel))
        {
            connection.Send(new HelloRecord(Protocol.Version, ConnectionRole.Inquiry, Guid.NewGuid(), 0));
            Assert.Equal(RecordType.Welcome, connection.Receive(out _));
            connection.Send(new CommitRecord());
            Assert.Equal(RecordType.Abort, connection.Receive(out _));
        }

        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public async Task A_description_that_is_none_is_refused_with_the_reason()
    {
        await File.WriteAllTextAsync(Policy, """{ "kinds": ["simulated"] }""", s_cancel);
        await using MigrationFixture fixture = Strict(isTls: false);
        DomainDescription nonsense = new("x", DomainKind.Simulated, 0, [], 1, new byte[] { 1, 2, 3 });
        MigrationException error = Assert.Throws<MigrationException>(() => ReceiverProbe.Ask(fixture.Route, nonsense, s_cancel));
        Assert.Equal(MigrationErrorId.ProtocolViolation, error.ErrorId);
    }

    private sealed class Told(Action<string> tell) : IProgress<MigrationTrace>
    {
        public void Report(MigrationTrace value) => tell(value.ToString());
    }

    private MigrationFixture Strict(bool isTls) => new(
        destination: new SimulatedHostOptions { PolicyFile = Policy },
        tls: isTls
            ? (TestCertificates.Make("xen1"), TestCertificates.Make("xen2")) is var (one, two) ? (one.Trusting(two), two.Trusting(one)) : null
            : null);
}

using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using PreRecordMigration.Errors;
using PreRecordMigration.Hypervisor;
using PreRecordMigration.Methods;
using PreRecordMigration.Options;
using PreRecordMigration.Simulated;
using PreRecordMigration.Tests.Methods;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Moves over TLS, and what keeps two sides from trusting each other: the domain runs on at the source then.</summary>
public sealed class TlsMigrationTests
{
    private static readonly X509Certificate2 s_xen1 = TestCertificates.Make("xen1");
    private static readonly X509Certificate2 s_xen2 = TestCertificates.Make("xen2");
    private static readonly X509Certificate2 s_stranger = TestCertificates.Make("stranger");
    private static readonly X509Certificate2 s_authority = TestCertificates.MakeAuthority("rack");

    /// <summary>What the two sides have and trust, who finds it wrong, and what is said.</summary>
    public static TheoryData<string, string, string> Refusals => new()
    {
        { "untrusted source", "turned|gave up|not trusted", "CN=stranger" },
        { "untrusted destination", "not trusted", "CN=xen2" },
        { "expired source", "is valid from", "CN=old" },
        { "expired destination", "expired on", "CN=old" },
        { "destination of tomorrow", "is not valid before", "CN=new" },
        { "issued for sources only", "not trusted", "CN=client" },
        { "issued by another authority of that name", "not trusted", "CN=other" },
    };

    [Theory]
    [InlineData(MigrationMethod.PreCopy)]
    [InlineData(MigrationMethod.PostCopy)]
    [InlineData(MigrationMethod.PreRecord)]
    public async Task A_domain_moves_between_peers_that_trust_each_other(MigrationMethod method)
    {
        await using MigrationFixture fixture = new(tls: (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1)));
        MigrationResult result = await fixture.MigrateAsync(MigrationFixture.Move(method));
        Assert.StartsWith("localhost:", result.Destination, StringComparison.Ordinal);
        await fixture.CheckMovedAsync();
        Assert.Empty(fixture.Receiver.Rejections);
    }

    [Fact]
    public async Task Trust_by_authority_and_by_thumbprint_is_enough()
    {
        X509Certificate2 source = TestCertificates.Issue(s_authority, "source", TestCertificates.ClientAuthentication);
        TlsIdentity destination = new(
            TestCertificates.Issue(s_authority, "destination", TestCertificates.ServerAuthentication),
            new CertificateTrust([], [CertificateTrust.Thumbprint(source)]));
        await using MigrationFixture fixture = new(tls: (source.Trusting(s_authority), destination));
        await fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy));
        await fixture.CheckMovedAsync();
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Where_trust_is_missing_the_certificate_is_named_and_the_domain_runs_on(string which, string says, string names)
    {
        // Where it is the destination's certificate that is not valid, its own clock must have let it start.
        int skew = which switch { "expired destination" => -2, "destination of tomorrow" => 2, _ => 0 };
        await using MigrationFixture fixture = new(tls: Sides(which), receiverClock: new FakeTimeProvider(DateTimeOffset.UtcNow.AddDays(skew)));
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        Assert.Matches(says, error.Message);
        Assert.Contains(names, error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
        Assert.Empty(fixture.Receiver.Incoming);
        await fixture.CheckStayedAsync();
    }

    [Fact]
    public async Task A_receiver_that_its_source_does_not_trust_says_which_certificate_is_to_be_trusted_there()
    {
        await using MigrationFixture fixture = new(tls: (s_xen1.Trusting(s_stranger), s_xen2.Trusting(s_xen1)));
        MigrationException error = await Assert.ThrowsAsync<MigrationException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
        SpinWait.SpinUntil(() => fixture.Receiver.Rejections.Count > 0, TimeSpan.FromSeconds(30));
        MigrationException rejection = fixture.Receiver.Rejections[0];
        Assert.Equal(MigrationErrorId.NotTrusted, rejection.ErrorId);
        Assert.Contains("as one does that does not trust this receiver's certificate", rejection.Message, StringComparison.Ordinal);
        Assert.Contains(CertificateTrust.Thumbprint(s_xen2), rejection.Message, StringComparison.Ordinal);
        Assert.Contains("Connect-MigrationHost with -TrustedCertificate", rejection.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_receiver_does_not_start_with_an_expired_certificate()
    {
        using SimulatedHost host = new("xen2");
        MigrationException error = Assert.Throws<MigrationException>(() => MigrationReceiver.Start(
            host, new IPEndPoint(IPAddress.Loopback, 0), TestCertificates.Make("old", -30, -1).Trusting(s_xen1)));
        Assert.Equal(MigrationErrorId.NotTrusted, error.ErrorId);
    }

    [Fact]
    public async Task A_source_without_tls_and_one_with_it_at_a_plain_receiver_are_told()
    {
        await using MigrationFixture secure = new(tls: (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1)));
        MigrationException plain = await MigrateAsync(secure, Route.Loopback(secure.Receiver.Endpoint));
        Assert.Equal(MigrationErrorId.TransportMismatch, plain.ErrorId);
        Assert.Contains("takes nothing but TLS", plain.Message, StringComparison.Ordinal);
        await secure.CheckStayedAsync();

        await using MigrationFixture open = new();
        MigrationException tls = await MigrateAsync(open, Route.Tls(HostAddress.Parse("localhost"), open.Receiver.Endpoint.Port, s_xen1.Trusting(s_xen2)));
        Assert.Equal(MigrationErrorId.TransportMismatch, tls.ErrorId);
        Assert.Contains("does not speak TLS", tls.Message, StringComparison.Ordinal);
        await open.CheckStayedAsync();
        Assert.Contains("speaks TLS", open.Receiver.Rejections[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_lost_after_the_commit_is_resumed_over_tls_with_the_same_peer_only()
    {
        await using MigrationFixture fixture = new(tls: (s_xen1.Trusting(s_xen2), s_xen2.Trusting(s_xen1, s_stranger)));
        fixture.Destination.Faults.Before(SimulatedCall.Place, 2, () => fixture.Receiver.Incoming[^1].Disconnect());
        MigrationInterruptedException interrupted = await Assert.ThrowsAsync<MigrationInterruptedException>(
            () => fixture.MigrateAsync(MigrationFixture.Move(MigrationMethod.PostCopy)));
        await Assert.Single(fixture.Receiver.Incoming).Ended;

        // The receiver trusts the stranger, but the migration is not the stranger's.
        interrupted = await ResumeInVainAsync(
            interrupted, Route.Tls(HostAddress.Parse("localhost"), fixture.Receiver.Endpoint.Port, s_stranger.Trusting(s_xen2)));
        Assert.Equal(MigrationErrorId.NotTrusted, interrupted.ErrorId);
        Assert.Contains("from another peer", interrupted.Message, StringComparison.Ordinal);

        // The source trusts the stranger, but the domain did not go to the stranger.
        using SimulatedHost other = new("xen3");
        await using MigrationReceiver impostor = MigrationReceiver.Start(
            other, new IPEndPoint(IPAddress.Loopback, 0), s_stranger.Trusting(s_xen1));
        interrupted = await ResumeInVainAsync(
            interrupted, Route.Tls(HostAddress.Parse("localhost"), impostor.Endpoint.Port, s_xen1.Trusting(s_xen2, s_stranger)));
        Assert.Equal(MigrationErrorId.NotTrusted, interrupted.ErrorId);
        Assert.Contains("is not the peer that the domain went to", interrupted.Message, StringComparison.Ordinal);
        Assert.NotEqual(DomainState.Running, fixture.Domain.State);

        await interrupted.Migration.ResumeAsync(fixture.Route, null, TestContext.Current.CancellationToken);
        await fixture.CheckMovedAsync();
    }

    [Fact]
    public void A_trust_list_of_nothing_and_a_thumbprint_that_is_none_are_refused()
    {
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => new CertificateTrust([], [])).ErrorId);
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => new CertificateTrust([], ["AB:CD"])).ErrorId);
        using X509Certificate2 bare = X509CertificateLoader.LoadCertificate(s_xen1.RawData);
        Assert.Equal(MigrationErrorId.InvalidOption, Assert.Throws<MigrationException>(() => bare.Trusting(s_xen2)).ErrorId);
    }

    [Fact]
    public void A_subject_cannot_steer_the_terminal_it_is_shown_on()
    {
        using X509Certificate2 hostile = TestCertificates.Make("a\u001b[2Jb\nc" + new string('x', 500));
        string message = CertificateTrust.Describe(hostile);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.InRange(message.Length, 1, 300);
    }

    private static (TlsIdentity Source, TlsIdentity Destination) Sides(string which)
    {
        switch (which)
        {
            case "untrusted source":
                return (s_stranger.Trusting(s_xen2), s_xen2.Trusting(s_xen1));
            case "untrusted destination":
                return (s_xen1.Trusting(s_stranger), s_xen2.Trusting(s_xen1));
            case "expired source":
                X509Certificate2 old = TestCertificates.Make("old", -30, -1);
                return (old.Trusting(s_xen2), s_xen2.Trusting(old));
            case "expired destination":
                X509Certificate2 expiring = TestCertificates.Make("old", -30, -1);
                return (s_xen1.Trusting(expiring), expiring.Trusting(s_xen1));
            case "destination of tomorrow":
                X509Certificate2 coming = TestCertificates.Make("new", 1, 30);
                return (s_xen1.Trusting(coming), coming.Trusting(s_xen1));
            case "issued for sources only":
                return (s_xen1.Trusting(s_authority), TestCertificates.Issue(s_authority, "client", TestCertificates.ClientAuthentication).Trusting(s_xen1));
            default:
                X509Certificate2 impostor = TestCertificates.MakeAuthority("rack");
                return (s_xen1.Trusting(s_authority), TestCertificates.Issue(impostor, "other", TestCertificates.ServerAuthentication).Trusting(s_xen1));
        }
    }

    private static Task<MigrationException> MigrateAsync(MigrationFixture fixture, Route route) =>
        Assert.ThrowsAsync<MigrationException>(() => MigrationSource.MigrateAsync(
            fixture.Source.OpenSource(MigrationFixture.DomainName), route, MigrationFixture.Move(MigrationMethod.PostCopy), null, CancellationToken.None));

    private static Task<MigrationInterruptedException> ResumeInVainAsync(MigrationInterruptedException interrupted, Route route) =>
        Assert.ThrowsAsync<MigrationInterruptedException>(
            () => interrupted.Migration.ResumeAsync(route, null, TestContext.Current.CancellationToken));
}

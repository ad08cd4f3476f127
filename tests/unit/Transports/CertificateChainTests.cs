using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Errors;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>
/// Certificates that authorities between have issued: what a side presents leads its peer to the authority that it trusts, and a listed
/// authority need not have issued itself. Each handshake is a real one over loopback, in both directions.
/// </summary>
public sealed class CertificateChainTests
{
    private const string Password = "correct horse";
    private static readonly X509Certificate2 s_root = TestCertificates.MakeAuthority("root");
    private static readonly X509Certificate2 s_upper = TestCertificates.IssueAuthority(s_root, "upper");
    private static readonly X509Certificate2 s_lower = TestCertificates.IssueAuthority(s_upper, "lower");
    private static readonly X509Certificate2 s_host = TestCertificates.Issue(s_lower, "host");
    private static readonly X509Certificate2 s_peer = TestCertificates.Make("peer");

    public static TheoryData<string> Files => ["leaf first", "leaf last", "key first", "encrypted key", "key beside", "among others", "PFX", "PFX with a password"];

    /// <summary>Each with words of what is said to mend it: no two causes have the same remedy.</summary>
    public static TheoryData<string, string> Impostors => new()
    {
        { "another authority's of that name", "put the certificates of the authorities between" },
        { "another authority's of that name and of that key's name", "Compare the authority's thumbprint on both hosts" },
        { "the same, presented alone", "Compare the authority's thumbprint on both hosts" },
        { "a brother authority's", "put the certificates of the authorities between" },
        { "an expired authority's", "Have that authority's certificate renewed" },
        { "expired", "Make a new one there with New-MigrationCertificate" },
        { "for another use", "Have it issued for client and for server authentication" },
        { "of an authority for another use", "Have it issued for client and for server authentication" },
        { "issued by a host", "Trust this certificate itself" },
        { "issued by a listed host", "Trust this certificate itself" },
        { "of an authority that may not sign", "Trust this certificate itself" },
        { "of an authority that does not say that it is one", "Trust this certificate itself" },
        { "of an authority below one that may have none", "Trust this certificate itself" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task What_a_file_has_leads_to_the_root(string form)
    {
        OwnCertificate own = Load(form);
        Assert.Equal("CN=host", own.Certificate.Subject);
        await RequireTrustedAsync(own, s_root);
    }

    [Fact]
    public async Task Nothing_is_presented_that_does_not_belong_to_the_chain()
    {
        X509Certificate2 foreign = TestCertificates.IssueAuthority(TestCertificates.MakeAuthority("foreign"), "other");
        OwnCertificate own = new(s_host, [foreign, s_peer, s_upper, s_lower, s_root]);
        string[] presented = [.. new TlsIdentity(own, new CertificateTrust([s_peer], [])).Context.IntermediateCertificates.Select(one => one.Subject)];
        Assert.Equal(["CN=lower", "CN=upper"], presented);
        await RequireTrustedAsync(own, s_root);
    }

    [Fact]
    public async Task A_listed_authority_need_not_have_issued_itself()
    {
        // The chain is short, or leads on above the listed authority, even to one that has expired meanwhile.
        await RequireTrustedAsync(new OwnCertificate(s_host, []), s_lower);
        await RequireTrustedAsync(new OwnCertificate(s_host, [s_lower]), s_lower);
        await RequireTrustedAsync(new OwnCertificate(s_host, [s_lower]), s_upper);
        await RequireTrustedAsync(new OwnCertificate(s_host, [s_lower, s_upper, s_root]), s_lower);
        await RequireTrustedAsync(new OwnCertificate(s_host, []), s_upper, s_lower);

        X509Certificate2 old = TestCertificates.IssueAuthority(s_root, "old", validToDays: -1);
        X509Certificate2 young = TestCertificates.IssueAuthority(old, "young");
        await RequireTrustedAsync(new OwnCertificate(TestCertificates.Issue(young, "host"), [young, old]), young);
    }

    [Fact]
    public async Task Without_the_way_to_the_root_a_host_is_refused_with_the_reason() =>
        Assert.Contains("PartialChain", (await RequireRefusedAsync(new OwnCertificate(s_host, []), s_root))[0].Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Impostors))]
    public async Task Nobody_else_gets_in(string impostor, string remedy)
    {
        (OwnCertificate own, X509Certificate2 listed) = Impostor(impostor);
        MigrationException[] refusals = await RequireRefusedAsync(own, listed);
        Assert.All(refusals, refusal => Assert.Matches("CN=impostor|CN=host", refusal.Message));
        Assert.All(refusals, refusal => Assert.Contains(remedy, refusal.Remedy, StringComparison.Ordinal));
    }

    [Fact]
    public void A_certificate_that_the_key_does_not_belong_to_is_refused()
    {
        string key = s_peer.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
        Assert.ThrowsAny<CryptographicException>(() => OwnCertificate.FromPem(Pem(s_host, s_lower), key, ""));
        Assert.ThrowsAny<CryptographicException>(() => OwnCertificate.FromPem(key, key, ""));
        Assert.ThrowsAny<CryptographicException>(
            () => OwnCertificate.FromPkcs12(s_lower.Export(X509ContentType.Cert), ""));
    }

    private static OwnCertificate Load(string form)
    {
        using ECDsa key = s_host.GetECDsaPrivateKey()!;
        string plain = key.ExportPkcs8PrivateKeyPem();
        string encrypted = key.ExportEncryptedPkcs8PrivateKeyPem(Password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        return form switch
        {
            "leaf first" => FromPem(Pem(s_host, s_lower, s_upper) + plain),
            "leaf last" => FromPem(Pem(s_upper, s_lower, s_host) + plain),
            "key first" => FromPem(plain + "\n" + Pem(s_lower, s_host, s_upper, s_root)),
            "encrypted key" => FromPem(Pem(s_upper, s_host, s_lower) + encrypted, Password),
            "key beside" => OwnCertificate.FromPem(Pem(s_lower, s_upper, s_host), plain, ""),
            "among others" => OwnCertificate.FromPem(Pem(s_peer, s_upper, s_host, s_lower), plain, ""),
            "PFX" => OwnCertificate.FromPkcs12(Pfx(null), ""),
            _ => OwnCertificate.FromPkcs12(Pfx(Password), Password),
        };
    }

    private static OwnCertificate FromPem(string text, string password = "") => OwnCertificate.FromPem(text, text, password);

    private static string Pem(params X509Certificate2[] certificates) =>
        string.Concat(certificates.Select(certificate => certificate.ExportCertificatePem() + "\n"));

    private static byte[] Pfx(string? password)
    {
        X509Certificate2 Bare(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawData);
        X509Certificate2Collection all = [Bare(s_upper), s_host, Bare(s_lower)];
        return all.Export(X509ContentType.Pfx, password)!;
    }

    private static (OwnCertificate Own, X509Certificate2 Listed) Impostor(string impostor)
    {
        switch (impostor)
        {
            case "another authority's of that name":
                X509Certificate2 namesake = TestCertificates.IssueAuthority(s_upper, "lower");
                return Below(namesake, s_lower);
            case "another authority's of that name and of that key's name":
                X509Extension keyName = s_lower.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single();
                return Below(TestCertificates.IssueAuthority(s_upper, "lower", 20, TestCertificates.Authority, keyName), s_lower);
            case "the same, presented alone":
                // Only the listed authority can be found, and it has not signed this certificate.
                X509Extension sameName = s_lower.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Single();
                X509Certificate2 other = TestCertificates.IssueAuthority(s_upper, "lower", 20, TestCertificates.Authority, sameName);
                return (new OwnCertificate(TestCertificates.Issue(other, "impostor"), []), s_lower);
            case "a brother authority's":
                return Below(TestCertificates.IssueAuthority(s_upper, "brother"), s_lower);
            case "an expired authority's":
                X509Certificate2 expired = TestCertificates.IssueAuthority(s_upper, "expired", validToDays: -1);
                return Below(expired, expired);
            case "expired":
                return (new OwnCertificate(TestCertificates.IssueUntil(s_lower, "impostor", -1), [s_lower]), s_lower);
            case "for another use":
                return (new OwnCertificate(TestCertificates.Issue(s_lower, "impostor", "1.3.6.1.5.5.7.3.4"), [s_lower]), s_lower);
            case "of an authority for another use":
                return Below(Limited(TestCertificates.Authority, new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.4")], true)), null);
            case "issued by a host":
                return (new OwnCertificate(TestCertificates.Issue(s_host, "impostor"), [s_host, s_lower]), s_lower);
            case "issued by a listed host":
                return (new OwnCertificate(TestCertificates.Issue(s_peer, "impostor"), [s_peer]), s_peer);
            case "of an authority that may not sign":
                return Below(Limited(TestCertificates.Authority, new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true)), null);
            case "of an authority that does not say that it is one":
                return Below(Limited(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true)), null);
            default:
                X509Certificate2 last = Limited(new X509BasicConstraintsExtension(true, true, 0, true));
                X509Certificate2 below = TestCertificates.IssueAuthority(last, "below");
                return (new OwnCertificate(TestCertificates.Issue(below, "impostor"), [below, last]), last);
        }

        static X509Certificate2 Limited(params X509Extension[] extensions) => TestCertificates.IssueAuthority(s_upper, "limited", 20, extensions);

        static (OwnCertificate Own, X509Certificate2 Listed) Below(X509Certificate2 authority, X509Certificate2? listed) =>
            (new OwnCertificate(TestCertificates.Issue(authority, "impostor"), [authority, s_upper]), listed ?? authority);
    }

    private static async Task RequireTrustedAsync(OwnCertificate own, params X509Certificate2[] listed)
    {
        foreach (bool isSource in new[] { true, false })
        {
            Assert.Null(await ShakeAsync(own, listed, isSource));
        }
    }

    private static async Task<MigrationException[]> RequireRefusedAsync(OwnCertificate own, params X509Certificate2[] listed)
    {
        List<MigrationException> refusals = [];
        foreach (bool isSource in new[] { true, false })
        {
            MigrationException? refusal = await ShakeAsync(own, listed, isSource);
            Assert.Equal(MigrationErrorId.NotTrusted, refusal?.ErrorId);
            refusals.Add(refusal!);
        }

        return [.. refusals];
    }

    /// <summary>Has one side presented to a peer that lists some certificates.</summary>
    /// <returns>Why the peer refused it; null where it did not.</returns>
    private static async Task<MigrationException?> ShakeAsync(OwnCertificate own, X509Certificate2[] listed, bool isSource)
    {
        TlsIdentity presenting = new(own, new CertificateTrust([s_peer], []));
        TlsIdentity judging = new(s_peer, new CertificateTrust(listed, []));
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<MigrationException?> accepting = Task.Run(() =>
        {
            (PeerChannel? channel, MigrationException? refusal) = TlsHandshake.Accept(
                listener.AcceptSocket(), isSource ? judging : presenting, TimeProvider.System);
            channel?.Dispose();
            return refusal;
        });
        MigrationException? connecting = null;
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint, TestContext.Current.CancellationToken);
        try
        {
            TlsHandshake.Connect(
                socket, isSource ? presenting : judging, "there", TimeProvider.System, TestContext.Current.CancellationToken).Dispose();
        }
        catch (MigrationException refusal)
        {
            connecting = refusal;
        }

        MigrationException? accepted = await accepting;
        return isSource ? accepted : connecting;
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Tests.Transports;

/// <summary>Certificates made for one test.</summary>
internal static class TestCertificates
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>A certificate with its key, issued by itself.</summary>
    public static X509Certificate2 Make(string name, int validFromDays = -1, int validToDays = 30)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return Request(name, key, ServerAuthentication, ClientAuthentication)
            .CreateSelfSigned(now.AddDays(validFromDays), now.AddDays(validToDays));
    }

    /// <summary>An authority with its key.</summary>
    public static X509Certificate2 MakeAuthority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    /// <summary>An authority with its key that another one has issued.</summary>
    /// <param name="issuer">Who issues it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="validToDays">Until when it is valid.</param>
    /// <param name="extensions">What else it has; basic constraints and the name of its key where nothing is given.</param>
    public static X509Certificate2 IssueAuthority(
        X509Certificate2 issuer, string name, int validToDays = 20, params X509Extension[] extensions)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        foreach (X509Extension extension in extensions is [] ? [Authority, new X509SubjectKeyIdentifierExtension(request.PublicKey, false)] : extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        return Sign(issuer, request, key, validToDays);
    }

    /// <summary>The extension that says that a certificate is an authority's.</summary>
    public static X509Extension Authority => new X509BasicConstraintsExtension(true, false, 0, true);

    /// <summary>A certificate with its key, issued by an authority for some uses.</summary>
    public static X509Certificate2 Issue(X509Certificate2 authority, string name, params string[] uses) => IssueUntil(authority, name, 19, uses);

    /// <summary>A certificate as <see cref="Issue"/> makes it, with a given end of its validity.</summary>
    public static X509Certificate2 IssueUntil(X509Certificate2 authority, string name, int validToDays, params string[] uses)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = Request(name, key, uses is [] ? [ServerAuthentication, ClientAuthentication] : uses);
        if (authority.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } issuer)
        {
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(issuer));
        }

        return Sign(authority, request, key, validToDays);
    }

    /// <summary>Signs with an authority's name and key, whatever the authority may do.</summary>
    private static X509Certificate2 Sign(X509Certificate2 authority, CertificateRequest request, ECDsa key, int validToDays)
    {
        using ECDsa signing = authority.GetECDsaPrivateKey()!;
        using X509Certificate2 issued = request.Create(
            authority.SubjectName,
            X509SignatureGenerator.CreateForECDsa(signing),
            DateTimeOffset.UtcNow.AddDays(-2),
            DateTimeOffset.UtcNow.AddDays(validToDays),
            RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>An identity that trusts some certificates.</summary>
    public static TlsIdentity Trusting(this X509Certificate2 own, params X509Certificate2[] trusted) =>
        new(own, new CertificateTrust(trusted, []));

    private static CertificateRequest Request(string name, ECDsa key, params string[] uses)
    {
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        OidCollection oids = [];
        foreach (string use in uses)
        {
            oids.Add(new Oid(use));
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        return request;
    }
}

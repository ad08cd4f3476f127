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

    /// <summary>A certificate with its key, issued by an authority for some uses.</summary>
    public static X509Certificate2 Issue(X509Certificate2 authority, string name, params string[] uses)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 issued = Request(name, key, uses).Create(
            authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(20), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>One that trusts some certificates.</summary>
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

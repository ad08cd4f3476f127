using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PreRecordMigration.Transports;

/// <summary>A side's certificate with its private key, and the certificates that it presents with it to lead a peer to an authority that
/// the peer trusts.</summary>
/// <param name="Certificate">The certificate, with its key.</param>
/// <param name="Intermediates">Certificates of authorities between it and a trusted one, in any order; what does not belong to its
/// chain is not presented.</param>
public sealed record OwnCertificate(X509Certificate2 Certificate, IReadOnlyList<X509Certificate2> Intermediates)
{
    private const string EncryptedKeyLabel = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

    /// <summary>Whether a PEM text has its private key encrypted.</summary>
    public static bool IsKeyEncrypted(ReadOnlySpan<char> key) => key.Contains(EncryptedKeyLabel, StringComparison.Ordinal);

    /// <summary>Takes the certificates of a PEM text, in any order: the one that the key belongs to, and the others as intermediates.</summary>
    /// <param name="certificates">The text with the certificates; what else is in it is passed over.</param>
    /// <param name="key">The text with the key; the same one, or another.</param>
    /// <param name="password">The key's password, where the key is encrypted.</param>
    /// <exception cref="CryptographicException">There is no certificate, no key, no certificate that the key belongs to, or the
    /// password is wrong.</exception>
    public static OwnCertificate FromPem(ReadOnlySpan<char> certificates, ReadOnlySpan<char> key, ReadOnlySpan<char> password)
    {
        X509Certificate2Collection all = [];
        all.ImportFromPem(certificates);
        CryptographicException? reason = null;
        foreach (X509Certificate2 candidate in all.OrderBy(one => all.Any(other => IsIssuerByName(one, other))))
        {
            try
            {
                string pem = candidate.ExportCertificatePem();
                X509Certificate2 own = IsKeyEncrypted(key)
                    ? X509Certificate2.CreateFromEncryptedPem(pem, key, password)
                    : X509Certificate2.CreateFromPem(pem, key);
                all.Remove(candidate);
                candidate.Dispose();
                return new OwnCertificate(own, [.. all]);
            }
            catch (Exception error) when (error is CryptographicException or ArgumentException)
            {
                // The first candidate has issued none of the others, so it is the side's own certificate, and its error is the one that is
                // kept. (Where a key is another certificate's, .NET throws one or the other exception, depending on the kind of the key.)
                reason ??= error as CryptographicException ?? new CryptographicException("The key is not the certificate's.", error);
            }
        }

        throw reason ?? new CryptographicException("There is no certificate in it.");
    }

    /// <summary>Takes the certificates of a PKCS #12 content: the one with a key, and the others as intermediates.</summary>
    /// <param name="content">The content.</param>
    /// <param name="password">Its password; empty where it has none.</param>
    /// <exception cref="CryptographicException">It is none, has no key, or the password is wrong.</exception>
    public static OwnCertificate FromPkcs12(ReadOnlySpan<byte> content, ReadOnlySpan<char> password)
    {
        X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12Collection(content, password, X509KeyStorageFlags.EphemeralKeySet);
        X509Certificate2? own = all.Where(one => one.HasPrivateKey).OrderBy(one => all.Any(other => IsIssuerByName(one, other))).FirstOrDefault();
        return own is null
            ? throw new CryptographicException("There is no certificate with a private key in it.")
            : new OwnCertificate(own, [.. all.Where(one => !ReferenceEquals(one, own))]);
    }

    private static bool IsIssuerByName(X509Certificate2 issuer, X509Certificate2 issued) =>
        !ReferenceEquals(issuer, issued) && issued.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData);
}

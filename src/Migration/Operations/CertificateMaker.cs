using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PreRecordMigration.Operations;

/// <summary>Makes a host's certificate: issued by itself, for both sides of a connection, for a new key on P-256.</summary>
public static class CertificateMaker
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>The clocks of two hosts differ, so a certificate is valid from a little before it was made.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromHours(1);

    /// <summary>Makes a certificate and writes it and its key to their files.</summary>
    /// <param name="name">The host's name.</param>
    /// <param name="certificateFile">The certificate, which peers may read.</param>
    /// <param name="keyFile">The private key, which nobody but this user may.</param>
    /// <param name="validFor">How long it is valid.</param>
    /// <param name="password">Encrypts the key; empty for none.</param>
    public static X509Certificate2 Write(
        string name, WritableFile certificateFile, WritableFile keyFile, TimeSpan validFor, ReadOnlySpan<char> password)
    {
        ArgumentNullException.ThrowIfNull(certificateFile);
        ArgumentNullException.ThrowIfNull(keyFile);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X500DistinguishedNameBuilder subject = new();
        subject.AddCommonName(name);
        CertificateRequest request = new(subject.Build(), key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication), new Oid(ClientAuthentication)], false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        X509Certificate2 certificate = request.CreateSelfSigned(now - Skew, now + validFor);

        char[] pem = password.IsEmpty
            ? key.ExportPkcs8PrivateKeyPem().ToCharArray()
            : key.ExportEncryptedPkcs8PrivateKeyPem(
                password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000)).ToCharArray();
        try
        {
            Write(keyFile, pem, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        finally
        {
            Array.Clear(pem);
        }

        Write(
            certificateFile,
            certificate.ExportCertificatePem(),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        return certificate;
    }

    private static void Write(WritableFile file, ReadOnlySpan<char> text, UnixFileMode mode)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length + 1)];
        int length = Encoding.UTF8.GetBytes(text, bytes);
        bytes[length++] = (byte)'\n';
        try
        {
            file.Write(mode, stream => stream.Write(bytes, 0, length));
        }
        finally
        {
            // The text may be a private key.
            Array.Clear(bytes);
        }
    }
}

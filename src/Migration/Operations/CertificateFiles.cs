using System.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using PreRecordMigration.Errors;
using PreRecordMigration.Files;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Operations;

/// <summary>
/// Reads certificates: PEM with the key inside or beside it (xen1.pem and xen1.key), PKCS #12, and DER. Whoever may write one decides whom
/// this host believes, and whoever may read a key can pass for this host: <see cref="TrustedFile"/> refuses a file where others may.
/// </summary>
public static class CertificateFiles
{
    /// <summary>What the name of the file with the key ends in, where that is beside the certificate.</summary>
    public const string KeyExtension = ".key";

    private const string KeyLabel = "PRIVATE KEY-----";
    private const string PemMark = "-----BEGIN ";
    private const string CertificateMark = "-----BEGIN CERTIFICATE-----";
    private const string RequestLabel = "CERTIFICATE REQUEST-----";

    /// <summary>The most bytes that are read of a file: more than any chain of certificates needs.</summary>
    private const int LargestFile = 1 << 20;

    /// <summary>ERROR_INVALID_PASSWORD, as .NET says it on every system.</summary>
    private const int InvalidPassword = unchecked((int)0x80070056);

    /// <summary>Reads this side's certificate with its private key, and with what leads to its authority.</summary>
    /// <param name="file">The file.</param>
    /// <param name="password">The key's, where it has one.</param>
    /// <exception cref="OperationException">There is no such file, no key, no password, or a wrong one.</exception>
    /// <exception cref="MigrationException">Others may write a file, or read the one with the key.</exception>
    public static OwnCertificate ReadOwn(string file, SecureString? password) => Use(file, () =>
    {
        using SecretText secret = new(password);
        using SecretContent content = Read(file, isSecret: false);
        if (!content.IsPem)
        {
            OwnCertificate own = OpenPkcs12(file, content, password, secret);
            RequireSecret(file);
            return own;
        }

        // Said of this file, and before another one is looked for.
        if (!content.HasCertificate)
        {
            throw new CryptographicException(content.IsRequest ? SR.CertificateIsRequest : SR.CertificateNotInFile);
        }

        if (content.HasKey)
        {
            RequireSecret(file);
            return OpenPem(content, file, content, password, secret);
        }

        string keyFile = Path.ChangeExtension(file, KeyExtension);
        if (!File.Exists(keyFile))
        {
            throw new OperationException(
                nameof(SR.CertificateKeyMissing),
                OperationProblem.NotFound,
                Text.Format(SR.CertificateKeyMissing, file, keyFile),
                SR.CertificateKeyMissingRemedy,
                file);
        }

        return Use(keyFile, () =>
        {
            using SecretContent key = Read(keyFile, isSecret: true);
            return OpenPem(content, keyFile, key, password, secret);
        });
    });

    private static OwnCertificate OpenPem(
        SecretContent certificates, string keyFile, SecretContent key, SecureString? password, SecretText secret)
    {
        bool isEncrypted = OwnCertificate.IsKeyEncrypted(key.Text);
        if (isEncrypted && password is null)
        {
            throw PasswordMissing(keyFile);
        }

        // What is wrong with the certificates themselves must not be taken for the password's fault.
        X509Certificate2Collection all = [];
        all.ImportFromPem(certificates.Text);
        try
        {
            return OwnCertificate.FromPem(certificates.Text, key.Text, secret.Text);
        }
        catch (CryptographicException error) when (isEncrypted && all.Count > 0)
        {
            throw PasswordWrong(keyFile, error);
        }
    }

    private static OwnCertificate OpenPkcs12(string file, SecretContent content, SecureString? password, SecretText secret)
    {
        try
        {
            return OwnCertificate.FromPkcs12(content.Bytes, secret.Text);
        }
        catch (CryptographicException error) when (error.HResult == InvalidPassword)
        {
            throw password is null ? PasswordMissing(file) : PasswordWrong(file, error);
        }
    }

    private static OperationException PasswordMissing(string keyFile) => new(
        nameof(SR.CertificatePasswordMissing),
        OperationProblem.Authentication,
        Text.Format(SR.CertificatePasswordMissing, keyFile),
        SR.CertificatePasswordMissingRemedy,
        keyFile);

    private static OperationException PasswordWrong(string keyFile, CryptographicException error) => new(
        nameof(SR.CertificatePasswordWrong),
        OperationProblem.Authentication,
        Text.Format(SR.CertificatePasswordWrong, keyFile, error.Message),
        SR.CertificatePasswordWrongRemedy,
        keyFile);

    /// <summary>Reads the certificates of a file, without keys.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="OperationException">There is no such file, or no certificate in it.</exception>
    /// <exception cref="MigrationException">Others may write it.</exception>
    public static X509Certificate2Collection ReadTrusted(string file) => Use(file, () =>
    {
        X509Certificate2Collection certificates = [];
        using SecretContent content = Read(file, isSecret: false);
        if (content.IsPem)
        {
            certificates.ImportFromPem(content.Text);
        }
        else
        {
            certificates.Add(X509CertificateLoader.LoadCertificate(content.Bytes));
        }

        return certificates.Count > 0 ? certificates : throw new CryptographicException(SR.CertificateNotInFile);
    });

    /// <summary>Reads what one side of a connection presents, and whom it trusts, from where another process of this user had it.</summary>
    /// <param name="files">Where.</param>
    /// <exception cref="OperationException">A file is not there, or is not what it should be.</exception>
    /// <exception cref="MigrationException">Others may write a file, or read the one with the key.</exception>
    public static TlsIdentity ReadIdentity(IdentityFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        CertificateTrust trust = ReadTrust(files.Trusted, []);
        return new TlsIdentity(ReadOwn(files.Certificate, null), trust) { Files = files };
    }

    /// <summary>Makes the list of those who are trusted.</summary>
    /// <param name="trusted">Files with certificates, and SHA-256 thumbprints.</param>
    /// <param name="given">Certificates that are read already.</param>
    /// <exception cref="OperationException">A file is not there, or is not what it should be.</exception>
    /// <exception cref="MigrationException">Others may write a file; or nobody is on the list.</exception>
    public static CertificateTrust ReadTrust(IEnumerable<string> trusted, IEnumerable<X509Certificate2> given)
    {
        ILookup<bool, string> isThumbprint = trusted.ToLookup(one => CertificateTrust.ParseThumbprint(one) is not null);
        return new CertificateTrust([.. given, .. isThumbprint[false].SelectMany(ReadTrusted)], isThumbprint[true]);
    }

    private static T Use<T>(string file, Func<T> use) => FileErrors.Of(file, () =>
    {
        try
        {
            return use();
        }
        catch (CryptographicException error)
        {
            throw new OperationException(
                nameof(SR.CertificateUnusable),
                OperationProblem.Data,
                Text.Format(SR.CertificateUnusable, file, error.Message),
                SR.CertificateUnusableRemedy,
                file);
        }
    });

    private static SecretContent Read(string file, bool isSecret)
    {
        SecretContent content = new(TrustedFile.TryRead(file, LargestFile, isSecret) ?? throw new FileNotFoundException(null, file));
        return content.IsBlank ? throw new CryptographicException(SR.FileEmpty) : content;
    }

    private static void RequireSecret(string file) => _ = TrustedFile.Find(file, isSecret: true);

    /// <summary>A file's content, wiped when it is disposed: it may be a key.</summary>
    private sealed class SecretContent(byte[] bytes) : IDisposable
    {
        private readonly char[] _text = Encoding.UTF8.GetChars(bytes);

        public ReadOnlySpan<byte> Bytes => bytes;

        public ReadOnlySpan<char> Text => _text;

        public bool IsBlank => Text.IsWhiteSpace();

        public bool IsPem => Text.Contains(PemMark, StringComparison.Ordinal);

        public bool HasCertificate => Text.Contains(CertificateMark, StringComparison.Ordinal);

        public bool IsRequest => Text.Contains(RequestLabel, StringComparison.Ordinal);

        public bool HasKey => Text.Contains(KeyLabel, StringComparison.Ordinal);

        public void Dispose()
        {
            CryptographicOperations.ZeroMemory(bytes);
            Array.Clear(_text);
        }
    }
}

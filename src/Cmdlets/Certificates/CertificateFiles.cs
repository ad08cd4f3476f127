using System.Management.Automation;
using System.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PreRecordMigration.Cmdlets;

/// <summary>Reads certificates: PEM with the key inside or beside it (xen1.pem and xen1.key), PKCS #12, and DER.</summary>
internal static class CertificateFiles
{
    /// <summary>What the name of the file with the key ends in, where that is beside the certificate.</summary>
    public const string KeyExtension = ".key";

    private const string EncryptedKeyLabel = "ENCRYPTED PRIVATE KEY";
    private const string KeyLabel = "PRIVATE KEY-----";
    /// <summary>ERROR_INVALID_PASSWORD, as .NET says it on every system.</summary>
    private const int InvalidPassword = unchecked((int)0x80070056);

    private const string PemMark = "-----BEGIN ";

    /// <summary>Reads this side's certificate with its private key.</summary>
    /// <param name="cmdlet">Knows the current folder; warns where others may read the key.</param>
    /// <param name="path">The file.</param>
    /// <param name="password">The key's, where it has one.</param>
    /// <exception cref="CommandException">There is no such file, no key, no password, or a wrong one.</exception>
    public static X509Certificate2 ReadOwn(PSCmdlet cmdlet, string path, SecureString? password)
    {
        string file = Existing(cmdlet, path, isLiteral: true).Single();
        return Use(file, () =>
        {
            using SecretText secret = new(password);
            if (!IsPem(file))
            {
                WarnIfOpen(cmdlet, file);
                return OpenPkcs12(file, password, secret);
            }

            string keyFile = KeyFileOf(file);
            WarnIfOpen(cmdlet, keyFile);
            return Use(keyFile, () => IsPem(keyFile) && File.ReadAllText(keyFile).Contains(EncryptedKeyLabel, StringComparison.Ordinal)
                ? OpenEncrypted(file, keyFile, password, secret)
                : X509Certificate2.CreateFromPemFile(file, keyFile));
        });
    }

    private static X509Certificate2 OpenEncrypted(string file, string keyFile, SecureString? password, SecretText secret)
    {
        // What is wrong with the certificate itself must not be taken for the password's fault.
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        try
        {
            return password is null
                ? throw PasswordMissing(keyFile)
                : X509Certificate2.CreateFromEncryptedPemFile(file, secret.Text, keyFile);
        }
        catch (CryptographicException error)
        {
            throw PasswordWrong(keyFile, error);
        }
    }

    private static X509Certificate2 OpenPkcs12(string file, SecureString? password, SecretText secret)
    {
        try
        {
            return X509CertificateLoader.LoadPkcs12FromFile(file, secret.Text, X509KeyStorageFlags.EphemeralKeySet);
        }
        catch (CryptographicException error) when (error.HResult == InvalidPassword)
        {
            throw password is null ? PasswordMissing(file) : PasswordWrong(file, error);
        }
    }

    private static CommandException PasswordMissing(string keyFile) => new(
        nameof(SR.CertificatePasswordMissing),
        ErrorCategory.AuthenticationError,
        Text.Format(SR.CertificatePasswordMissing, keyFile),
        SR.CertificatePasswordMissingRemedy,
        keyFile);

    private static CommandException PasswordWrong(string keyFile, CryptographicException error) => new(
        nameof(SR.CertificatePasswordWrong),
        ErrorCategory.AuthenticationError,
        Text.Format(SR.CertificatePasswordWrong, keyFile, error.Message),
        SR.CertificatePasswordWrongRemedy,
        keyFile);

    /// <summary>Reads the certificates of a file, without keys.</summary>
    /// <exception cref="CommandException">There is no such file, or no certificate in it.</exception>
    public static IEnumerable<X509Certificate2> ReadTrusted(PSCmdlet cmdlet, string path) =>
        Existing(cmdlet, path, isLiteral: false).SelectMany(file => Use(file, () =>
        {
            X509Certificate2Collection certificates = [];
            if (IsPem(file))
            {
                certificates.ImportFromPemFile(file);
            }
            else
            {
                certificates.Add(X509CertificateLoader.LoadCertificateFromFile(file));
            }

            return certificates.Count > 0 ? certificates : throw new CryptographicException(SR.CertificateNotInFile);
        }));

    private static IEnumerable<string> Existing(PSCmdlet cmdlet, string path, bool isLiteral)
    {
        try
        {
            return FilePaths.Existing(cmdlet, path, isLiteral);
        }
        catch (CommandException missing) when (missing.ErrorId == nameof(SR.FileNotFound))
        {
            throw new CommandException(
                missing.ErrorId, missing.Category, Text.Format(SR.CertificateFileNotFound, path), SR.CertificateFileNotFoundRemedy, path);
        }
    }

    private static T Use<T>(string file, Func<T> use) => FilePaths.Use(file, () =>
    {
        try
        {
            return use();
        }
        catch (CryptographicException error)
        {
            throw new CommandException(
                nameof(SR.CertificateUnusable),
                ErrorCategory.InvalidData,
                Text.Format(SR.CertificateUnusable, file, error.Message),
                SR.CertificateUnusableRemedy,
                file);
        }
    });

    private static string KeyFileOf(string file)
    {
        if (File.ReadAllText(file).Contains(KeyLabel, StringComparison.Ordinal))
        {
            return file;
        }

        string beside = Path.ChangeExtension(file, KeyExtension);
        return File.Exists(beside)
            ? beside
            : throw new CommandException(
                nameof(SR.CertificateKeyMissing),
                ErrorCategory.ObjectNotFound,
                Text.Format(SR.CertificateKeyMissing, file, beside),
                SR.CertificateKeyMissingRemedy,
                file);
    }

    private static bool IsPem(string file)
    {
        string text = File.ReadAllText(file);
        return string.IsNullOrWhiteSpace(text)
            ? throw new CryptographicException(SR.FileEmpty)
            : text.Contains(PemMark, StringComparison.Ordinal);
    }

    private static void WarnIfOpen(PSCmdlet cmdlet, string file)
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & others) != 0)
        {
            cmdlet.WriteWarning(Text.Format(SR.WarningKeyOpen, file));
        }
    }
}

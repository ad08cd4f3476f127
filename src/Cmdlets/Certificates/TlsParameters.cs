using System.Management.Automation;
using System.Security;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;
using PreRecordMigration.Transports;

namespace PreRecordMigration.Cmdlets;

/// <summary>What -Certificate, -CertificatePassword and -TrustedCertificate say, or the configuration where they say nothing.</summary>
/// <param name="Certificate">This side's: an X509Certificate2 with its key, or a file.</param>
/// <param name="Password">The key's, where it has one.</param>
/// <param name="Trusted">Whom this side trusts: X509Certificate2 objects, files, and SHA-256 thumbprints.</param>
internal sealed record TlsParameters(object? Certificate, SecureString? Password, object[]? Trusted)
{
    /// <summary>Whether a parameter says anything.</summary>
    public bool IsGiven => Certificate is not null || Trusted is not null;

    /// <summary>Makes the identity out of them.</summary>
    /// <param name="cmdlet">Knows the current folder.</param>
    /// <param name="needs">What needs it, for messages.</param>
    /// <exception cref="CommandException">Something is not said, or cannot be read.</exception>
    /// <exception cref="Errors.MigrationException">Something is no certificate with a key, or no thumbprint.</exception>
    public TlsIdentity Make(PSCmdlet cmdlet, string needs)
    {
        (string? certificatePath, string[]? trustedPaths) = MigrationConfiguration.ReadCertificatePaths();
        object certificate = Bare(Certificate) ?? certificatePath
            ?? throw Missing(nameof(SR.CertificateMissing), SR.CertificateMissing, SR.CertificateMissingRemedy, needs);
        object[] trusted = Trusted ?? trustedPaths
            ?? throw Missing(nameof(SR.TrustMissing), SR.TrustMissing, SR.TrustMissingRemedy, needs);

        List<X509Certificate2> given = [];
        List<string> named = [];
        foreach (object? item in trusted.Select(Bare))
        {
            if (item is X509Certificate2 one)
            {
                given.Add(one);
            }
            else
            {
                named.AddRange(CertificateTrust.ParseThumbprint($"{item}") is { } thumbprint ? [thumbprint] : Existing(cmdlet, $"{item}", isLiteral: false));
            }
        }

        if (certificate is X509Certificate2 own)
        {
            return new TlsIdentity(new OwnCertificate(own, []), CertificateFiles.ReadTrust(named, given));
        }

        // Another process can be the same side only where all of it is in files.
        string file = Existing(cmdlet, $"{certificate}", isLiteral: true).Single();
        return given.Count == 0 && Password is null
            ? CertificateFiles.ReadIdentity(new IdentityFiles(file, named))
            : new TlsIdentity(CertificateFiles.ReadOwn(file, Password), CertificateFiles.ReadTrust(named, given));
    }

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

    private static object? Bare(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static CommandException Missing(string id, string message, string remedy, string needs) =>
        new(id, ErrorCategory.SecurityError, Text.Format(message, needs), remedy, needs);
}

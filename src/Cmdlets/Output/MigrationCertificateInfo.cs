namespace PreRecordMigration.Cmdlets;

/// <summary>A certificate that New-MigrationCertificate has made.</summary>
/// <param name="Name">The host's name.</param>
/// <param name="Thumbprint">Its SHA-256 thumbprint, by which peers may trust it.</param>
/// <param name="NotBefore">From when it is valid.</param>
/// <param name="NotAfter">Until when it is valid.</param>
/// <param name="CertificatePath">The file for this host and its peers.</param>
/// <param name="KeyPath">The file with the private key, which never leaves this host.</param>
public sealed record MigrationCertificateInfo(
    string Name, string Thumbprint, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string CertificatePath, string KeyPath);

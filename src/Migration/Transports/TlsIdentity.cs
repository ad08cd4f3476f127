using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transports;

/// <summary>What one side of a TLS connection presents, and whom it trusts. It is the same for connecting and for listening.</summary>
public sealed class TlsIdentity
{
    /// <summary>Makes an identity.</summary>
    /// <param name="certificate">This side's certificate with its private key; the caller keeps it as long as it is used.</param>
    /// <param name="trust">Whom this side trusts.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: there is no private key.</exception>
    public TlsIdentity(X509Certificate2 certificate, CertificateTrust trust)
        : this(new OwnCertificate(certificate, []), trust)
    {
    }

    /// <summary>Makes an identity with intermediate certificates, which are presented as well.</summary>
    /// <param name="own">This side's certificate with its private key, and the way to its authority.</param>
    /// <param name="trust">Whom this side trusts.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: there is no private key.</exception>
    public TlsIdentity(OwnCertificate own, CertificateTrust trust)
    {
        X509Certificate2 certificate = own.Certificate;
        if (!certificate.HasPrivateKey)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"The certificate {CertificateTrust.Describe(certificate)} comes without its private key.",
                "Give the file that has the key too, or keep the key beside it: xen1.pem and xen1.key.",
                certificate.Subject);
        }

        Certificate = certificate;
        Trust = trust;

        // Offline means that intermediates are not looked for on the network. A root authority is not presented, because a peer that
        // trusts it has it.
        Context = SslStreamCertificateContext.Create(certificate, [.. own.Intermediates], offline: true);
    }

    /// <summary>This side's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Whom this side trusts.</summary>
    public CertificateTrust Trust { get; }

    /// <summary>Where another process of this user finds all of it; null where it is in no files, or behind a password.</summary>
    public IdentityFiles? Files { get; init; }

    /// <summary>The certificate as the handshake takes it.</summary>
    internal SslStreamCertificateContext Context { get; }

    /// <summary>Refuses a certificate of this side that no peer can accept: the peer's refusal would come later and say less.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.NotTrusted"/>.</exception>
    internal void RequireValid(DateTimeOffset now)
    {
        if (now < Certificate.NotBefore || now > Certificate.NotAfter)
        {
            throw new MigrationException(
                MigrationErrorId.NotTrusted,
                $"This side's certificate {CertificateTrust.Describe(Certificate)} is valid from {Certificate.NotBefore:u} to {Certificate.NotAfter:u}, and that is not now.",
                "Make a new one with New-MigrationCertificate, and trust it on the other side.",
                Certificate.Subject);
        }
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PreRecordMigration.Errors;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Transports;

/// <summary>
/// The list of whom to trust: peers whose certificate or thumbprint is on it, and peers whose certificate was issued by an authority on
/// it. Host names mean nothing: what counts is the key that a peer proves to hold.
/// </summary>
public sealed class CertificateTrust
{
    private const int ThumbprintLength = 64;
    private readonly X509Certificate2Collection _certificates = [];
    private readonly HashSet<string> _thumbprints = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes a list.</summary>
    /// <param name="certificates">Certificates of peers, or of authorities that issue them.</param>
    /// <param name="thumbprints">SHA-256 thumbprints of peers' certificates: 64 hexadecimal digits, colons and spaces allowed.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: nobody is on the list, or something
    /// is no thumbprint.</exception>
    public CertificateTrust(IEnumerable<X509Certificate2> certificates, IEnumerable<string> thumbprints)
    {
        foreach (X509Certificate2 certificate in certificates)
        {
            _certificates.Add(certificate);
            _thumbprints.Add(Thumbprint(certificate));
        }

        foreach (string text in thumbprints)
        {
            _thumbprints.Add(ParseThumbprint(text) ?? throw new MigrationException(
                MigrationErrorId.InvalidOption,
                $"'{text}' is no SHA-256 thumbprint.",
                "Give 64 hexadecimal digits, as New-MigrationCertificate shows them.",
                text));
        }

        if (_thumbprints.Count == 0)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption,
                "No certificate is trusted, so no peer can be.",
                "Give the peer's certificate, its authority's, or its SHA-256 thumbprint.");
        }
    }

    /// <summary>A certificate's SHA-256 thumbprint: 64 hexadecimal digits.</summary>
    public static string Thumbprint(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);

    /// <summary>Reads a SHA-256 thumbprint; null where a text is none.</summary>
    public static string? ParseThumbprint(string text)
    {
        string digits = string.Concat(text.Where(letter => letter != ':' && !char.IsWhiteSpace(letter)));
        return digits.Length == ThumbprintLength && digits.All(char.IsAsciiHexDigit) ? digits.ToUpperInvariant() : null;
    }

    /// <summary>Judges the certificate that a peer has presented and proved to hold.</summary>
    /// <param name="peer">The certificate; null where it presented none.</param>
    /// <param name="intermediates">The other certificates that it presented, by which the way to an authority is found.</param>
    /// <param name="role">Which side the peer is.</param>
    /// <param name="now">The time.</param>
    /// <returns>Why it is not trusted; null where it is.</returns>
    internal MigrationException? Judge(
        X509Certificate2? peer, X509Certificate2Collection intermediates, PeerRole role, DateTimeOffset now)
    {
        if (peer is null)
        {
            return NotTrusted($"The {role.Name} presented no certificate.", "Give it one with -Certificate there.");
        }

        string described = Describe(peer);
        if (now < peer.NotBefore || now > peer.NotAfter)
        {
            string when = now > peer.NotAfter ? $"expired on {Time(peer.NotAfter)}" : $"is not valid before {Time(peer.NotBefore)}";
            return NotTrusted(
                $"The {role.Name}'s certificate, {described}, {when}; here it is {Time(now.UtcDateTime)}.",
                "Make a new one there with New-MigrationCertificate and trust it here, or set the clocks right.");
        }

        if (_thumbprints.Contains(Thumbprint(peer)))
        {
            return null;
        }

        if (IsIssuedByTrusted(peer, intermediates, role, now, out X509ChainStatusFlags[] faults))
        {
            return null;
        }

        string names = faults.Length > 0 ? $" ({string.Join(", ", faults)})" : "";
        (string reason, string remedy) = Explain(faults, role);
        return NotTrusted($"The {role.Name}'s certificate, {described}, is not trusted{names}: {reason}.", remedy);
    }

    /// <summary>What is to be said of a certificate that is valid and is not trusted: each cause has a remedy of its own.</summary>
    private static (string Reason, string Remedy) Explain(X509ChainStatusFlags[] faults, PeerRole role)
    {
        if (faults.Contains(X509ChainStatusFlags.NotTimeValid))
        {
            return (
                "an authority between it and the trusted one has expired, or is not valid yet",
                "Have that authority's certificate renewed, and put the new one into the certificate's file there; or set the clocks right.");
        }

        if (faults.Contains(X509ChainStatusFlags.NotValidForUsage))
        {
            return (
                $"it was issued for another use than that of a {role.Name}",
                "Have it issued for client and for server authentication, or without any use: each side of a migration is both.");
        }

        if (faults.Contains(X509ChainStatusFlags.NotSignatureValid))
        {
            return (
                "somebody else has issued it than the trusted authority of that name",
                "Compare the authority's thumbprint on both hosts, and trust the one that has really issued it. Where nobody knows of another one, do not.");
        }

        if (faults.Intersect([X509ChainStatusFlags.InvalidBasicConstraints, X509ChainStatusFlags.HasNotPermittedNameConstraint]).Any())
        {
            return (
                "whoever issued it may not issue certificates for others",
                "Trust this certificate itself with -TrustedCertificate, where it is the right one, or have an authority issue it.");
        }

        if (faults.Contains(X509ChainStatusFlags.PartialChain))
        {
            return (
                "the side that it was shown to trusts neither it nor an authority that leads to it",
                "Where it is the right one, let that side trust it (-TrustedCertificate; at a destination it is Start-MigrationReceiver's): the certificate, or its thumbprint. Where its authority is trusted already, "
                + "put the certificates of the authorities between into the certificate's file there.");
        }

        return (
            "the side that it was shown to trusts neither it nor its authority",
            "Where it is the right one, let that side trust it (-TrustedCertificate; at a destination it is Start-MigrationReceiver's): the certificate, its authority's, or its thumbprint.");
    }

    /// <summary>A certificate for a message. Its subject is the peer's to choose: nothing of it may steer a terminal.</summary>
    internal static string Describe(X509Certificate2 certificate)
    {
        const int longest = 120;
        return $"'{ForeignText.Show(certificate.Subject, longest)}' (SHA-256 {Thumbprint(certificate)})";
    }

    /// <summary>
    /// Whether a chain leads from the peer to an authority on the list. A listed authority is trusted whoever issued its own certificate.
    /// What stands above it in the chain does not matter; up to it everything must be right.
    /// </summary>
    private bool IsIssuedByTrusted(
        X509Certificate2 peer, X509Certificate2Collection intermediates, PeerRole role, DateTimeOffset now, out X509ChainStatusFlags[] faults)
    {
        faults = [];
        if (_certificates.Count == 0)
        {
            return false;
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_certificates);
        chain.ChainPolicy.ExtraStore.AddRange(_certificates);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates.Where(one => !IsListedKey(one)).ToArray());
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(role.ExtendedKeyUsage));
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;

        // Nothing that a certificate names is fetched: whoever is trusted is on the list, and whoever is trusted no longer is taken off it.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;

        // The platform's verdict on the whole chain is not used: it trusts only authorities that issued their own certificates.
        _ = chain.Build(peer);
        X509ChainElement[] elements = [.. chain.ChainElements];
        int anchor = Array.FindIndex(elements, 1, element => IsListed(element.Certificate));
        faults = [.. FaultsUpTo(elements, anchor).Distinct()];
        foreach (X509ChainElement element in elements)
        {
            element.Certificate.Dispose();
        }

        return anchor > 0 && faults.Length == 0;
    }

    /// <summary>What is wrong with a chain up to the listed authority, or with all of it where it leads to none.</summary>
    private static IEnumerable<X509ChainStatusFlags> FaultsUpTo(X509ChainElement[] elements, int anchor)
    {
        foreach (X509ChainElement element in anchor < 0 ? elements : elements[..(anchor + 1)])
        {
            foreach (X509ChainStatus status in element.ChainElementStatus)
            {
                if (anchor < 0 || status.Status is not (X509ChainStatusFlags.PartialChain or X509ChainStatusFlags.UntrustedRoot))
                {
                    yield return status.Status;
                }
            }
        }

        // The platform checks this, too, but it must not depend on the platform: only an authority issues certificates.
        if (anchor > 0 && !elements[1..(anchor + 1)].All(element => IsAuthority(element.Certificate)))
        {
            yield return X509ChainStatusFlags.InvalidBasicConstraints;
        }
    }

    private static bool IsAuthority(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority)
        && certificate.Extensions.OfType<X509KeyUsageExtension>().All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign));

    private bool IsListed(X509Certificate2 certificate) =>
        _certificates.Any(listed => listed.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span));

    /// <summary>Whether a certificate has the name and the key of a listed authority. It may be another certificate of that authority; the
    /// listed one is the one that counts.</summary>
    private bool IsListedKey(X509Certificate2 certificate) => _certificates.Any(listed =>
        listed.SubjectName.RawData.AsSpan().SequenceEqual(certificate.SubjectName.RawData)
        && listed.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static string Time(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", null);

    private static MigrationException NotTrusted(string message, string remedy) => new(MigrationErrorId.NotTrusted, message, remedy);
}

/// <summary>Which side of a connection a peer is.</summary>
/// <param name="Name">For messages.</param>
/// <param name="ExtendedKeyUsage">The use for which its certificate must have been issued, where the certificate names uses at all.</param>
internal sealed record PeerRole(string Name, string ExtendedKeyUsage)
{
    /// <summary>The side that connects.</summary>
    public static PeerRole Source { get; } = new("source", "1.3.6.1.5.5.7.3.2");

    /// <summary>The side that listens.</summary>
    public static PeerRole Destination { get; } = new("destination", "1.3.6.1.5.5.7.3.1");
}

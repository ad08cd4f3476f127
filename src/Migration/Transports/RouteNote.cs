using System.Globalization;

namespace PreRecordMigration.Transports;

/// <summary>What leads to a receiver.</summary>
internal enum RouteKind
{
    /// <summary>This machine's loopback.</summary>
    Loopback,

    /// <summary>TLS, to another machine.</summary>
    Tls,

    /// <summary>ssh, to another machine's loopback.</summary>
    Ssh,
}

/// <summary>Where this side of a TLS connection has what it presents and whom it trusts, for another process that is to be the same side.</summary>
/// <param name="Certificate">The absolute path of the certificate with its key, which has no password.</param>
/// <param name="Trusted">Absolute paths of files with certificates, and SHA-256 thumbprints.</param>
public sealed record IdentityFiles(string Certificate, IReadOnlyList<string> Trusted);

/// <summary>
/// The way to a receiver as it is noted outside of the process that goes it, so that another one of this user gets there by itself: in one
/// word, its parts escaped as in an address of the web and with semicolons between.
/// </summary>
/// <param name="Kind">What leads there.</param>
/// <param name="Host">The host or its address; of ssh the target.</param>
/// <param name="Port">The receiver's port; of ssh 0 where it is found there.</param>
/// <param name="Identity">Of TLS, which side this is.</param>
internal sealed record RouteNote(RouteKind Kind, string Host, int Port, IdentityFiles? Identity)
{
    private const char Between = ';';

    /// <inheritdoc/>
    public override string ToString()
    {
        string[] words =
        [
            Kind.ToString(), Host, Port.ToString(CultureInfo.InvariantCulture),
            .. Identity is null ? [] : (string[])[Identity.Certificate, .. Identity.Trusted],
        ];
        return string.Join(Between, words.Select(Uri.EscapeDataString));
    }

    /// <summary>Understands a way that was noted. Whoever goes it proves who is at its end, whatever was noted.</summary>
    /// <param name="noted">The note.</param>
    /// <returns>Null where it is not wholly one.</returns>
    public static RouteNote? Read(string? noted)
    {
        string[] words = [.. (noted ?? "").Split(Between).Select(Uri.UnescapeDataString)];
        if (words.Length < 3
            || !Enum.TryParse(words[0], out RouteKind kind) || words[0] != kind.ToString()
            || words[1].Length == 0
            || !ushort.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            || words.Length > 3 != (kind == RouteKind.Tls))
        {
            return null;
        }

        if (kind != RouteKind.Tls)
        {
            return new RouteNote(kind, words[1], port, null);
        }

        IdentityFiles identity = new(words[3], words[4..]);
        return Path.IsPathFullyQualified(identity.Certificate)
            && identity.Trusted.Count > 0
            && identity.Trusted.All(trusted => Path.IsPathFullyQualified(trusted) || CertificateTrust.ParseThumbprint(trusted) is not null)
                ? new RouteNote(kind, words[1], port, identity)
                : null;
    }
}

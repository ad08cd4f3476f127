using System.Globalization;
using System.Net;
using System.Net.Sockets;
using PreRecordMigration.Errors;

namespace PreRecordMigration.Transports;

/// <summary>
/// A host as an administrator writes it: an IPv4 address of four plain decimal numbers, an IPv6 address, or a name. The only
/// place where such text is understood.
/// </summary>
/// <remarks>
/// The notations that C libraries took over from 1983 (<c>7000</c>, <c>127.1</c>, octal and hexadecimal numbers) are refused,
/// not understood: a slip of the finger would name another machine. An IPv6 address that stands for an IPv4 one
/// (<c>::ffff:10.0.0.1</c>) is that IPv4 address.
/// </remarks>
public sealed class HostAddress
{
    private const int LongestName = 253;
    private const int LongestLabel = 63;

    private HostAddress(string name, IPAddress? address)
    {
        Name = name;
        Address = address;
    }

    /// <summary>What to write instead of what was refused.</summary>
    public static string Remedy =>
        "Write four decimal numbers without leading zeros (10.77.0.2), an IPv6 address in brackets ([fd00::2], [fe80::2%eth0]), or a host name.";

    /// <summary>The name, or the address in its usual notation, without brackets.</summary>
    public string Name { get; }

    /// <summary>The address; null for a name.</summary>
    public IPAddress? Address { get; }

    /// <summary>Whether it is this machine's loopback: an address of it, or the name localhost.</summary>
    public bool IsLoopback => Address is null
        ? string.Equals(Name, "localhost", StringComparison.OrdinalIgnoreCase)
        : IsLoopbackAddress(Address);

    /// <summary>The host that has an address.</summary>
    public static HostAddress Of(IPAddress address)
    {
        IPAddress plain = Plain(address);
        return new HostAddress(plain.ToString(), plain);
    }

    /// <summary>Understands a host.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>: it is none.</exception>
    public static HostAddress Parse(string text) => TryParse(text, out HostAddress? host, out string problem)
        ? host!
        : throw new MigrationException(MigrationErrorId.InvalidOption, $"'{text}' is no address: {problem}.", Remedy, text);

    /// <summary>Understands a host. An IPv6 address may stand in brackets or without.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="host">The host; null where it is refused.</param>
    /// <param name="problem">Why it is refused, as the end of a sentence about it; empty where it is not.</param>
    public static bool TryParse(string text, out HostAddress? host, out string problem)
    {
        bool isBracketed = text.Length > 1 && text[0] == '[' && text[^1] == ']';
        string bare = isBracketed ? text[1..^1] : text;
        host = null;
        if (isBracketed || bare.Contains(':', StringComparison.Ordinal))
        {
            if (TryParseV6(bare, out IPAddress? address, out problem))
            {
                host = Of(address!);
            }
        }
        else if (EndsInNumber(bare))
        {
            problem = TryParseV4(bare, out IPAddress? address)
                ? ""
                : "its end is a number, and it is not four decimal numbers from 0 to 255 without leading zeros";
            host = address is null ? null : new HostAddress(bare, address);
        }
        else
        {
            problem = IsName(bare) ? "" : "it is neither an address nor a host name";
            host = problem.Length == 0 ? new HostAddress(bare, null) : null;
        }

        return host is not null;
    }

    /// <summary>Understands a host with or without a port behind: <c>xen2:7000</c>, <c>10.77.0.2</c>, <c>[fd00::2]:7000</c>.</summary>
    /// <param name="text">What was written. An IPv6 address stands in brackets: its colons are not the port's.</param>
    /// <param name="host">The host; null where it is refused.</param>
    /// <param name="port">The port, from 1 to 65535; null where there is none.</param>
    /// <param name="problem">Why it is refused, as the end of a sentence about it; empty where it is not.</param>
    public static bool TryParse(string text, out HostAddress? host, out int? port, out string problem)
    {
        int colon = text.LastIndexOf(':');
        bool isJoined = colon > text.LastIndexOf(']');
        (string name, string digits) = isJoined ? (text[..colon], text[(colon + 1)..]) : (text, "");
        port = null;
        host = null;
        if (name.Contains(':', StringComparison.Ordinal) && (name[0] != '[' || name[^1] != ']'))
        {
            problem = "an IPv6 address stands in brackets where a port may follow";
            return false;
        }

        if (isJoined)
        {
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                || number is 0 or > IPEndPoint.MaxPort)
            {
                problem = digits.Length == 0 ? "no port stands behind its colon" : $"'{digits}' is no port from 1 to {IPEndPoint.MaxPort}";
                return false;
            }

            port = number;
        }

        return TryParse(name, out host, out problem);
    }

    /// <summary>Whether an address is this machine's loopback, in whatever notation: 127.0.0.0/8, ::1 with any scope, and
    /// those IPv6 addresses that stand for an IPv4 one of them.</summary>
    public static bool IsLoopbackAddress(IPAddress address) => Plain(address) is var plain
        && (plain.AddressFamily == AddressFamily.InterNetworkV6
            ? plain.GetAddressBytes().AsSpan().SequenceEqual(IPAddress.IPv6Loopback.GetAddressBytes())
            : IPAddress.IsLoopback(plain));

    /// <summary>The IPv4 address that an IPv6 one stands for; any other as it is.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <inheritdoc/>
    public override string ToString() => Address?.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Name}]" : Name;

    private static bool TryParseV4(string text, out IPAddress? address)
    {
        address = null;
        string[] parts = text.Split('.');
        byte[] bytes = new byte[4];
        if (parts.Length != bytes.Length)
        {
            return false;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            bool isPlain = parts[i].Length == 1 || (parts[i].Length > 1 && parts[i][0] != '0');
            if (!isPlain || !byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out bytes[i]))
            {
                return false;
            }
        }

        address = new IPAddress(bytes);
        return true;
    }

    private static bool TryParseV6(string text, out IPAddress? address, out string problem)
    {
        address = null;
        int mark = text.IndexOf('%', StringComparison.Ordinal);
        (string digits, string scope) = mark < 0 ? (text, "") : (text[..mark], text[(mark + 1)..]);
        problem = "it is no IPv6 address";

        // .NET's parser also accepts prefix lengths, brackets, ports and octal numbers; none of them belongs here.
        int dotted = digits.LastIndexOf(':') + 1;
        if (!digits.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.')
            || (digits.Contains('.', StringComparison.Ordinal) && !TryParseV4(digits[dotted..], out _))
            || !IPAddress.TryParse(digits, out IPAddress? parsed)
            || parsed.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }

        if (mark >= 0)
        {
            // A scope that names no interface would be dropped in silence, and the address would mean any interface.
            bool isKnown = scope.Length > 0 && scope.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@')
                && IPAddress.TryParse(text, out parsed) && parsed.ScopeId > 0;
            if (!isKnown)
            {
                problem = $"this machine has no network interface '{scope}'";
                return false;
            }
        }

        address = Plain(parsed!);
        problem = "";
        return true;
    }

    /// <summary>Whether a C library would take a text for an IPv4 address in one of the old notations.</summary>
    internal static bool EndsInNumber(string text)
    {
        string last = text.TrimEnd('.').Split('.')[^1];
        return (last.Length > 0 && last.All(char.IsAsciiDigit)) || (last.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && last[2..].All(char.IsAsciiHexDigit));
    }

    private static bool IsName(string text)
    {
        if (!text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' || (c > 127 && char.IsLetter(c))))
        {
            return false;
        }

        try
        {
            // The name is looked up in ASCII, and in that form it must not be a number, either.
            string looked = new IdnMapping().GetAscii(text.EndsWith('.') ? text[..^1] : text);
            return looked.Length <= LongestName && !EndsInNumber(looked)
                && looked.Split('.').All(label => label.Length is > 0 and <= LongestLabel && label[0] != '-' && label[^1] != '-');
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

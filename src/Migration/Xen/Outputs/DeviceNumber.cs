using System.Globalization;

namespace PreRecordMigration.Xen.Outputs;

/// <summary>A block device by its number, which stays the same whatever it is named and whatever it is mapped to.</summary>
/// <param name="Major">The driver's number.</param>
/// <param name="Minor">The device's number with that driver.</param>
internal readonly record struct DeviceNumber(uint Major, uint Minor)
{
    /// <summary>Decimal, with a colon between: as the kernel's tables and /sys have it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}:{Minor}");

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    internal static bool TryParse(string? text, out DeviceNumber number) => TryParse(text, NumberStyles.None, ':', out number);

    /// <summary>Reads a number as XenStore's <c>physical-device</c> has it: hexadecimal.</summary>
    internal static bool TryParseHexadecimal(string? text, out DeviceNumber number) => TryParse(text, NumberStyles.AllowHexSpecifier, ':', out number);

    /// <summary>Reads a number of two decimal parts.</summary>
    internal static bool TryParse(string? text, NumberStyles style, char between, out DeviceNumber number)
    {
        string[] parts = (text ?? "").Split(between);
        number = default;
        if (parts.Length != 2
            || !uint.TryParse(parts[0], style, CultureInfo.InvariantCulture, out uint major)
            || !uint.TryParse(parts[1], style, CultureInfo.InvariantCulture, out uint minor))
        {
            return false;
        }

        number = new DeviceNumber(major, minor);
        return true;
    }
}

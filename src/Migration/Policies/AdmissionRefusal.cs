namespace PreRecordMigration.Policies;

/// <summary>One thing of a domain that a host's policy does not let in, or that the host lacks.</summary>
/// <param name="Setting">What it is, such as "disks[0].pdev_path" or "b_info.kernel".</param>
/// <param name="Reason">Why it is refused, with its value; what came from a peer is escaped and shortened.</param>
/// <param name="AllowedBy">The line of the policy that would allow it; empty where none does. Of what the host lacks, what to do.</param>
public sealed record AdmissionRefusal(string Setting, string Reason, string AllowedBy)
{
    /// <summary>What is refused because there is no room for it at the destination, whatever its policy says.</summary>
    private static readonly string[] s_room = ["b_info.target_memkb", Receiver];

    private const string Receiver = "receiver";

    /// <summary>What begins the setting of what the host lacks. No key of a configuration is shown with a space.</summary>
    private const string Device = "device: ";

    /// <summary>Whether it is refused for want of room: neither a policy nor the domain's configuration is at fault.</summary>
    internal bool IsForWantOfRoom => AllowedBy.Length == 0 && s_room.Contains(Setting);

    /// <summary>Whether the host lacks it, or has something else in its place, whatever its policy says.</summary>
    internal bool IsOfDevice => Setting.StartsWith(Device, StringComparison.Ordinal);

    /// <summary>A refusal because the host lacks what a device needs.</summary>
    /// <param name="device">The device, such as "disk xvda".</param>
    /// <param name="reason">What is missing.</param>
    /// <param name="remedy">What to do about it: a sentence.</param>
    internal static AdmissionRefusal OfDevice(string device, string reason, string remedy) => new(Device + device, reason, remedy);

    /// <summary>A refusal because the receiver has no memory for what it must keep of a domain on its way.</summary>
    /// <param name="reason">What is missing, and what to do.</param>
    internal static AdmissionRefusal OfRoom(string reason) => new(Receiver, reason, "");

    /// <summary>The refusal as one sentence.</summary>
    public override string ToString() => $"{(IsOfDevice ? Setting[Device.Length..] : Setting)}: {Reason}";
}

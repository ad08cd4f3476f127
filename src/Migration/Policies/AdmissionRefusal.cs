namespace PreRecordMigration.Policies;

/// <summary>One thing of a domain that a host's policy does not let in, that the host lacks, or that it cannot do.</summary>
/// <param name="Setting">What it is, such as "disks[0].pdev_path" or "b_info.kernel".</param>
/// <param name="Reason">Why it is refused, with its value; what came from a peer is escaped and shortened.</param>
/// <param name="AllowedBy">The line of the policy that would allow it; empty where none does. Of what the host lacks or cannot do, what to do.</param>
public sealed record AdmissionRefusal(string Setting, string Reason, string AllowedBy)
{
    /// <summary>What is refused because there is no room for it at the destination, whatever its policy says.</summary>
    private static readonly string[] s_room = ["b_info.target_memkb", Receiver];

    private const string Receiver = "receiver";

    /// <summary>What begins the setting of what the host lacks. No key of a configuration is shown with a space.</summary>
    private const string Device = "device: ";

    /// <summary>What begins the setting of what the host's hypervisor or processors cannot do.</summary>
    private const string Host = "host: ";

    /// <summary>Whether it is refused for want of room: neither a policy nor the domain's configuration is at fault.</summary>
    internal bool IsForWantOfRoom => AllowedBy.Length == 0 && s_room.Contains(Setting);

    /// <summary>Whether the host lacks it, or has something else in its place, whatever its policy says.</summary>
    internal bool IsOfDevice => Setting.StartsWith(Device, StringComparison.Ordinal);

    /// <summary>Whether the host's hypervisor or its processors cannot do it, whatever its policy says.</summary>
    internal bool IsOfHost => Setting.StartsWith(Host, StringComparison.Ordinal);

    /// <summary>Whether <see cref="AllowedBy"/> is what to do, and no line of a policy.</summary>
    internal bool HasRemedy => IsOfDevice || IsOfHost;

    /// <summary>A refusal because the host's hypervisor or processors cannot run the domain.</summary>
    /// <param name="what">What it is about, such as "CPUID 0x7:0.ebx".</param>
    /// <param name="reason">What is missing.</param>
    /// <param name="remedy">What to do about it: a sentence.</param>
    internal static AdmissionRefusal OfHost(string what, string reason, string remedy) => new(Host + what, reason, remedy);

    /// <summary>A refusal because the host lacks what a device needs.</summary>
    /// <param name="device">The device, such as "disk xvda".</param>
    /// <param name="reason">What is missing.</param>
    /// <param name="remedy">What to do about it: a sentence.</param>
    internal static AdmissionRefusal OfDevice(string device, string reason, string remedy) => new(Device + device, reason, remedy);

    /// <summary>A refusal because the receiver has no memory for what it must keep of a domain on its way.</summary>
    /// <param name="reason">What is missing, and what to do.</param>
    internal static AdmissionRefusal OfRoom(string reason) => new(Receiver, reason, "");

    /// <summary>The refusal as one sentence.</summary>
    public override string ToString() =>
        $"{(IsOfDevice ? Setting[Device.Length..] : IsOfHost ? Setting[Host.Length..] : Setting)}: {Reason}";
}

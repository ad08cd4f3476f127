namespace PreRecordMigration.Policies;

/// <summary>One thing of a domain that a host's policy does not let in.</summary>
/// <param name="Setting">What it is, such as "disks[0].pdev_path" or "b_info.kernel".</param>
/// <param name="Reason">Why it is refused, with its value; what came from a peer is escaped and shortened.</param>
/// <param name="AllowedBy">The line of the policy that would allow it; empty where none does.</param>
public sealed record AdmissionRefusal(string Setting, string Reason, string AllowedBy)
{
    /// <summary>What is refused because there is no room for it at the destination, whatever its policy says.</summary>
    private static readonly string[] s_room = ["b_info.target_memkb", Receiver];

    private const string Receiver = "receiver";

    /// <summary>Whether it is refused for want of room: neither a policy nor the domain's configuration is at fault.</summary>
    internal bool IsForWantOfRoom => AllowedBy.Length == 0 && s_room.Contains(Setting);

    /// <summary>A refusal because the receiver has no memory for what it must keep of a domain on its way.</summary>
    /// <param name="reason">What is missing, and what to do.</param>
    internal static AdmissionRefusal OfRoom(string reason) => new(Receiver, reason, "");

    /// <summary>The refusal as one sentence.</summary>
    public override string ToString() => $"{Setting}: {Reason}";
}

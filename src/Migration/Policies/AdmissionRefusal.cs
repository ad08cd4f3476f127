namespace PreRecordMigration.Policies;

/// <summary>One thing of a domain that a host's policy does not let in.</summary>
/// <param name="Setting">What it is, such as "disks[0].pdev_path" or "b_info.kernel".</param>
/// <param name="Reason">Why it is refused, with its value; what came from a peer is escaped and shortened.</param>
/// <param name="AllowedBy">The line of the policy that would allow it; empty where none does.</param>
public sealed record AdmissionRefusal(string Setting, string Reason, string AllowedBy)
{
    /// <summary>The refusal as one sentence.</summary>
    public override string ToString() => $"{Setting}: {Reason}";
}

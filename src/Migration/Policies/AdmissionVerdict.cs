using PreRecordMigration.Errors;

namespace PreRecordMigration.Policies;

/// <summary>What a host says to a domain that would come in.</summary>
/// <param name="Policy">The file that it goes by; empty where it has none, and lets everything in.</param>
/// <param name="Refusals">What is not let in; nothing where the domain may come.</param>
public sealed record AdmissionVerdict(string Policy, IReadOnlyList<AdmissionRefusal> Refusals)
{
    /// <summary>Most refusals that are told.</summary>
    public const int MostRefusals = 64;

    /// <summary>Refusals that stand in one error's text; the others are counted.</summary>
    private const int MostInError = 8;

    /// <summary>The verdict of a host that takes everything.</summary>
    public static AdmissionVerdict Open { get; } = new("", []);

    /// <summary>Refuses a domain that may not come in.</summary>
    /// <param name="domain">The domain's name.</param>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.RefusedByPolicy"/>: what is refused, and which lines would
    /// let it in.</exception>
    public void Require(string domain)
    {
        if (Refusals.Count > 0)
        {
            throw Error(domain, Refusals);
        }
    }

    /// <summary>Adds refusals: they are told whatever else is.</summary>
    internal AdmissionVerdict And(IReadOnlyCollection<AdmissionRefusal> more) =>
        more.Count == 0 ? this : this with { Refusals = [.. Refusals.Take(MostRefusals - more.Count), .. more.Take(MostRefusals)] };

    /// <summary>An error for each refusal, for callers that show them one by one.</summary>
    /// <param name="domain">The domain's name.</param>
    public IEnumerable<MigrationException> Errors(string domain) => Refusals.Select(refusal => Error(domain, [refusal]));

    private MigrationException Error(string domain, IReadOnlyList<AdmissionRefusal> refusals)
    {
        string more = refusals.Count > MostInError ? FormattableString.Invariant($"; and {refusals.Count - MostInError} more") : "";
        string all = $"{string.Join("; ", refusals.Take(MostInError))}{more}";
        (MigrationErrorId id, string what) =
            refusals.All(refusal => refusal.IsForWantOfRoom) ? (MigrationErrorId.OutOfMemory, $"The destination has no room for {domain}")
            : refusals.All(refusal => refusal.IsOfDevice) ? (MigrationErrorId.DeviceMissing, $"The destination has not what {domain} needs")
            : refusals.All(refusal => refusal.IsOfHost) ? (MigrationErrorId.HostIncompatible, $"The destination cannot run {domain}")
            : (MigrationErrorId.RefusedByPolicy, $"The destination's policy does not let {domain} in");
        return new MigrationException(id, $"{what}: {all}.", Remedy(refusals), domain);
    }

    private string Remedy(IReadOnlyList<AdmissionRefusal> refusals)
    {
        string[] missing = [.. refusals.Where(refusal => refusal.HasRemedy).Select(refusal => refusal.AllowedBy).Distinct().Take(MostInError)];
        string[] lines = [.. refusals.Where(refusal => !refusal.HasRemedy).Select(refusal => refusal.AllowedBy).Where(line => line.Length > 0).Distinct().Take(MostInError)];
        string[] never = [.. refusals.Where(refusal => refusal.AllowedBy.Length == 0 && !refusal.IsForWantOfRoom && !refusal.HasRemedy).Select(refusal => refusal.Setting).Take(MostInError)];
        string take = never.Length > 0 ? $"No policy lets {string.Join(", ", never)} in: take it out of the domain's configuration. " : "";
        string add = lines.Length > 0 ? $"Where it is to come in, {Policy} on the destination needs: {string.Join(", ", lines)}." : "";
        string room = refusals.Any(refusal => refusal.IsForWantOfRoom) ? " Make room for it there, or choose another destination." : "";
        return $"{take}{add}{room} {string.Join(" ", missing)}".Trim();
    }
}

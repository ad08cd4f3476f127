using System.Globalization;

namespace PreRecordMigration.Fuzz;

/// <summary>What is to be done.</summary>
/// <param name="Names">The targets; none for all.</param>
/// <param name="Executions">Changed inputs for each.</param>
/// <param name="Seed">Decides every change.</param>
/// <param name="IsSaving">Whether the corpus becomes what took new ways.</param>
/// <param name="Corpus">Where the corpus is.</param>
/// <param name="Failures">Where failing inputs go.</param>
internal sealed record Options(IReadOnlyList<string> Names, int Executions, ulong Seed, bool IsSaving, string Corpus, string Failures)
{
    /// <summary>How many changed inputs there are where nothing else is said: enough for a look at each change of the code.</summary>
    private const int UsualExecutions = 4_000;

    public static Options? Parse(string[] args)
    {
        List<string> names = [];
        Options options = new(names, UsualExecutions, 1, false, "corpus", "failures");
        for (int i = 0; i < args.Length; i++)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--executions" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int executions):
                    (options, i) = (options with { Executions = executions }, i + 1);
                    break;
                case "--seed" when ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed):
                    (options, i) = (options with { Seed = seed }, i + 1);
                    break;
                case "--corpus" when value is not null:
                    (options, i) = (options with { Corpus = value }, i + 1);
                    break;
                case "--failures" when value is not null:
                    (options, i) = (options with { Failures = value }, i + 1);
                    break;
                case "--save":
                    options = options with { IsSaving = true };
                    break;
                case var name when Targets.All.Any(target => target.Name == name):
                    names.Add(name);
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}

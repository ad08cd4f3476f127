using System.Runtime.CompilerServices;

namespace PreRecordMigration.Tests.Reliability;

/// <summary>
/// Everything that can go wrong in a migration, one at a time and two at a time, by every method: the calls come from the boundary's
/// interfaces and the states from their types, so that a new one cannot be forgotten. A normal run takes every single
/// fault; tests/reliability takes pairs too, and writes docs/reliability.md.
/// </summary>
public sealed class MatrixTests
{
    [Fact]
    public async Task Whatever_goes_wrong_the_domain_runs_once_or_what_is_lost_is_said()
    {
        Matrix matrix = await Matrix.RunAsync(Matrix.AskedPairs);
        string[] problems = [.. matrix.Outcomes.Where(outcome => outcome.Problem is not null).Select(outcome => $"{outcome.Case}\n    {outcome.Problem}")];
        Assert.True(problems.Length == 0, $"{problems.Length} of {matrix.Outcomes.Count} cases:\n{string.Join("\n", problems.Take(100))}");

        // A call or a state that no case comes to is one that was forgotten.
        Assert.Empty(Matrix.Unreached(matrix).Except(Matrix.NotOfAMigration));

        // Where both sides stand at the end of an attempt was looked at before it was listed.
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(Folder(), "Ends.txt"), TestContext.Current.CancellationToken);
        string[] unlisted = [.. matrix.Ends.Except(lines.Select(line => line.Split(':')[0].TrimEnd()))];
        Assert.True(unlisted.Length == 0, $"Look at these ends, and list them in Ends.txt:\n{string.Join("\n", unlisted.Select(Example))}");
        if (Matrix.AskedPairs is not null)
        {
            MatrixReport.Write(matrix, Path.GetFullPath(Path.Combine(Folder(), "../../../docs/reliability.md")));
        }

        string Example(string end) => $"{end}    ({matrix.Outcomes.First(outcome => outcome.Ends.Contains(end)).Case})";
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}

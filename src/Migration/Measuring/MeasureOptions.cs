using System.Net;
using PreRecordMigration.Errors;
using PreRecordMigration.Options;

namespace PreRecordMigration.Measuring;

/// <summary>What is measured, and how.</summary>
public sealed record MeasureOptions
{
    /// <summary>What is measured against each other; the others are compared with the first one.</summary>
    public required IReadOnlyList<MeasuredVariant> Variants { get; init; }

    /// <summary>How often each is measured.</summary>
    public int Repeat { get; init; } = 5;

    /// <summary>How often each is made before, without being counted.</summary>
    public int WarmUps { get; init; } = 1;

    /// <summary>Decides the order of the runs.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>How long the domain is left alone before each run and after it.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one run may take.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>A service of the domain that is asked from outside; null for none.</summary>
    public IPEndPoint? Probe { get; init; }

    /// <summary>How it is asked.</summary>
    public ProbeKind ProbeKind { get; init; }

    /// <summary>What the guest counts; null where it is not looked at.</summary>
    public BeatKey? Beat { get; init; }

    /// <summary>The command that <c>xl migrate</c> runs to reach the receiving xl.</summary>
    public string XlReceiver { get; init; } = XlMigrate.SameHost;

    /// <summary>What holds for the moves of all variants.</summary>
    public MigrationOptions Move { get; init; } = new();

    /// <summary>Checks that the options make sense together.</summary>
    /// <exception cref="MigrationException"><see cref="MigrationErrorId.InvalidOption"/>, naming the option.</exception>
    public void Validate()
    {
        Check(Variants.Count is >= 1 and <= 64, nameof(Variants), $"{Variants.Count} variants", "Give 1 to 64 methods and orders.");
        Check(Repeat is >= 1 and <= RankTest.MostFigures, nameof(Repeat), Repeat, $"Give 1 to {RankTest.MostFigures}.");
        Check(WarmUps is >= 0 and <= 100, nameof(WarmUps), WarmUps, "Give 0 to 100.");
        Check(Settle >= TimeSpan.Zero && Settle <= TimeSpan.FromHours(1), nameof(Settle), Settle, "Give 0 s to 1 h.");
        Check(TimeLimit > TimeSpan.Zero && TimeLimit <= TimeSpan.FromDays(1), nameof(TimeLimit), TimeLimit, "Give more than 0 s, and at most a day.");
        Check(XlReceiver.Length > 0 && !XlReceiver.Contains('\0', StringComparison.Ordinal), nameof(XlReceiver), "empty", "Give a command.");
        foreach (MeasuredVariant variant in Variants)
        {
            variant.Apply(Move).Validate();
        }
    }

    private static void Check(bool isValid, string option, object value, string remedy)
    {
        if (!isValid)
        {
            throw new MigrationException(
                MigrationErrorId.InvalidOption, FormattableString.Invariant($"The option {option} of a measurement is {value}."), remedy, option);
        }
    }
}

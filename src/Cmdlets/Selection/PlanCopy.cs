using System.Globalization;
using System.Management.Automation;
using PreRecordMigration.Estimates;
using PreRecordMigration.Operations;
using PreRecordMigration.Options;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Makes plans again out of copies that a job, a remote session or a file brought back.</summary>
internal static class PlanCopy
{
    /// <summary>The report that a copy is of: its domain, its destination, and the method that was advised.</summary>
    /// <exception cref="CommandException">It says no domain or no host.</exception>
    public static MigrationReport Report(InputRow copy)
    {
        MigrationEstimate[] estimates = [.. Items(copy, nameof(MigrationReport.Estimates)).Select(Estimate).OfType<MigrationEstimate>()];
        MigrationMethod? method = Read<MigrationMethod>(copy, nameof(MigrationReport.Recommendation));
        RecordingMode? mode = Read<RecordingMode>(copy, nameof(MigrationReport.Mode));
        string hostName = copy.HostName ?? throw new CommandException(
            nameof(SR.InputWithoutName),
            ErrorCategory.InvalidData,
            Text.Format(SR.InputWithoutName, copy.Label),
            SR.InputWithoutNameRemedy,
            copy.Label);
        return MigrationReport.OfCopy(
            copy.RequireName(),
            hostName,
            copy.TextOf(nameof(MigrationReport.Destination)),
            estimates,

            // The estimates may not have come along with the copy; which method was advised has.
            estimates.FirstOrDefault(estimate => estimate.Method == method && (estimate.Mode is null || estimate.Mode == mode))
                ?? (method is null ? null : new MigrationEstimate
                {
                    Method = method.Value,
                    Mode = mode,
                    TotalTime = TimeSpan.Zero,
                    Downtime = TimeSpan.Zero,
                    Exposure = TimeSpan.Zero,
                    BytesSent = 0,
                }),
            Read<long>(copy, nameof(MigrationReport.MemoryBytes)) ?? 0,
            new LinkSpeed(
                Read<long>(copy, nameof(MigrationReport.Bandwidth)) ?? LinkDefaults.BytesPerSecond,
                Read<TimeSpan>(copy, nameof(MigrationReport.RoundTrip)) ?? LinkDefaults.RoundTrip));
    }

    /// <summary>The recording that a copy is of, with what the copy says was decided about it.</summary>
    public static PreRecord Recording(InputRow copy, PreRecord held)
    {
        PageOrderStrategy[] order =
        [
            .. Items(copy, nameof(PreRecord.Order)).Select(item => Parse<PageOrderStrategy>(item)).OfType<PageOrderStrategy>(),
        ];
        return held with
        {
            Destination = copy.TextOf(nameof(PreRecord.Destination)) ?? held.Destination,
            RemotePF = Read<bool>(copy, nameof(PreRecord.RemotePF)) ?? held.RemotePF,
            Order = order.Length > 0 ? [.. order] : held.Order,
        };
    }

    private static MigrationEstimate? Estimate(object item)
    {
        InputRow copy = new(PSObject.AsPSObject(item));
        return Read<MigrationMethod>(copy, nameof(MigrationEstimate.Method)) is { } method
            && Read<TimeSpan>(copy, nameof(MigrationEstimate.Exposure)) is { } exposure
            ? new MigrationEstimate
            {
                Method = method,
                Mode = Read<RecordingMode>(copy, nameof(MigrationEstimate.Mode)),
                TotalTime = Read<TimeSpan>(copy, nameof(MigrationEstimate.TotalTime)) ?? TimeSpan.Zero,
                Downtime = Read<TimeSpan>(copy, nameof(MigrationEstimate.Downtime)) ?? TimeSpan.Zero,
                CheckpointPause = Read<TimeSpan>(copy, nameof(MigrationEstimate.CheckpointPause)) ?? TimeSpan.Zero,
                DiscardedExecution = Read<TimeSpan>(copy, nameof(MigrationEstimate.DiscardedExecution)) ?? TimeSpan.Zero,
                Exposure = exposure,
                BytesSent = Read<long>(copy, nameof(MigrationEstimate.BytesSent)) ?? 0,
            }
            : null;
    }

    private static IEnumerable<object> Items(InputRow copy, string name) =>
        copy.ValueOf<System.Collections.IEnumerable>(name)?.Cast<object?>().OfType<object>() ?? [];

    private static T? Read<T>(InputRow copy, string name)
        where T : struct =>
        copy.ValueOf<object>(name) is { } value ? Parse<T>(value) : null;

    /// <summary>Reads a value that may have become text or a number on its way.</summary>
    private static T? Parse<T>(object value)
        where T : struct =>
        LanguagePrimitives.TryConvertTo(value, CultureInfo.InvariantCulture, out T bare) ? bare
        : LanguagePrimitives.TryConvertTo(value.ToString(), CultureInfo.InvariantCulture, out T read) ? read
        : null;
}

using PreRecordMigration.Reporting;

namespace PreRecordMigration.Methods;

/// <summary>Passes progress on at most five times a second, and every change of phase.</summary>
internal sealed class ThrottledProgress(IProgress<MigrationProgress> target) : IProgress<MigrationProgress>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);
    private long _last;
    private MigrationPhase? _phase;

    public void Report(MigrationProgress value)
    {
        long now = TimeProvider.System.GetTimestamp();
        if (value.Phase != _phase || TimeProvider.System.GetElapsedTime(_last, now) >= s_interval)
        {
            (_last, _phase) = (now, value.Phase);
            target.Report(value);
        }
    }
}

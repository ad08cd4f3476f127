using PreRecordMigration.Operations;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Looks at migrations over and over, and shows each in a line, until none of them is under way any more.</summary>
/// <param name="look">The migrations as they are now.</param>
/// <param name="screen">Shows them.</param>
internal sealed class MigrationWatch(Func<IReadOnlyList<MigrationInfo>> look, WatchScreen screen)
{
    /// <summary>From one look to the next: five in a second at most.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Shows them.</summary>
    /// <param name="cancellationToken">Ctrl+C, which ends it; the migrations go on.</param>
    public void Run(CancellationToken cancellationToken)
    {
        while (true)
        {
            IReadOnlyList<MigrationInfo> now = look();
            int width = screen.Width;
            screen.Show([.. now.Select(migration => Cut(LineOf(migration), width))]);
            if (!now.Any(migration => migration.IsUnderWay()) || cancellationToken.WaitHandle.WaitOne(s_interval))
            {
                return;
            }
        }
    }

    /// <summary>A migration in a line.</summary>
    internal static string LineOf(MigrationInfo migration)
    {
        string line = Text.Format(
            SR.WatchLine, migration.Id, migration.Name, migration.Source, migration.Destination, migration.Method,
            migration.IsUnderWay() && migration.Phase is { } phase ? $"{phase}" : $"{migration.State}",
            migration.PagesTotal > 0 ? (double)migration.PagesDone / migration.PagesTotal : 0,
            Text.Bytes(migration.BytesSent), Text.Bytes(migration.BytesPerSecond), ProgressWords.Holder(migration.Holder));
        if (!migration.IsUnderWay())
        {
            return line;
        }

        MigrationProgress progress = new(migration.Phase ?? MigrationPhase.Prepare, 0, 0, 0, 0, null) { Pages = migration.SentPages() };
        string kinds = ProgressWords.Kinds(progress);
        return line
            + (migration.StalledShare is { } stalled ? Text.Format(SR.WatchFaults, migration.FaultsPerSecond, stalled) : "")
            + (migration.Remaining is { } left ? Text.Format(SR.WatchLeft, Text.Duration(TimeSpan.FromSeconds(left))) : "")
            + (kinds.Length > 0 ? Text.Format(SR.WatchKinds, kinds) : "");
    }

    private static string Cut(string line, int width) => line.Length <= width ? line : $"{line[..(width - 1)]}…";
}

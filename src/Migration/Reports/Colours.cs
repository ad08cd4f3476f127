using PreRecordMigration.Options;
using PreRecordMigration.Reporting;

namespace PreRecordMigration.Reports;

/// <summary>
/// Which colour of the page's stands for what, in every picture. They differ in lightness too, and no picture says anything by colour alone: numbers, labels, dashes
/// and a table say the same.
/// </summary>
internal static class Colours
{
    public static int Of(DomainHolder holder) => holder switch
    {
        DomainHolder.Source => 1,
        DomainHolder.SourceStopped => 4,
        DomainHolder.Leaving => 2,
        DomainHolder.Both => 6,
        DomainHolder.Destination => 3,
        _ => 8,
    };

    public static int Of(SentPageKind kind) => kind switch
    {
        SentPageKind.Recorded => 1,
        SentPageKind.Again => 2,
        SentPageKind.Early => 3,
        SentPageKind.Demanded => 4,
        SentPageKind.Predicted => 5,
        SentPageKind.Zero => 8,
        SentPageKind.Core => 9,
        _ => 10,
    };

    public static int Of(MigrationPhase phase) => phase switch
    {
        MigrationPhase.Push => 1,
        MigrationPhase.Rounds => 3,
        MigrationPhase.Handover => 4,
        MigrationPhase.Record => 5,
        MigrationPhase.Resume => 6,
        MigrationPhase.Prove => 7,
        MigrationPhase.Checkpoint => 9,
        _ => 8,
    };

    public static int Of(DowntimePart part) => (int)part + 1;

    public static int Of(MigrationMethod? method) => method switch
    {
        MigrationMethod.PreRecord => 1,
        MigrationMethod.PreCopy => 2,
        MigrationMethod.PostCopy => 4,
        MigrationMethod.Hybrid => 3,
        _ => 8,
    };
}

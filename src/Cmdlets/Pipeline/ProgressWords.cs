using PreRecordMigration.Pages;
using PreRecordMigration.Reporting;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>What is said of a migration that goes on, beyond how far it is.</summary>
internal static class ProgressWords
{
    /// <summary>Who has the domain and, where it runs with pages missing, how many it asks for and how long it waits; with what leads over to it.</summary>
    public static string Faults(MigrationProgress progress) => progress.StalledShare is { } stalled
        ? Text.Format(SR.ProgressFaults, Holder(progress.Holder), progress.FaultsPerSecond, stalled)
        : progress.Holder == DomainHolder.Source ? "" : Text.Format(SR.ProgressHolder, Holder(progress.Holder));

    /// <summary>The bytes of the pages that were sent, by when and why; empty where none were. A page of zeros counts as another one, as does a compressed
    /// one.</summary>
    public static string Kinds(MigrationProgress progress) => string.Join(", ", progress.Pages.All
        .Where(pages => pages is { Count: > 0, Kind: not SentPageKind.Zero })
        .Select(pages => Text.Format(SR.ProgressKind, pages.Kind, Text.Bytes((double)pages.Count * Page.Size))));

    /// <summary>Who has a domain, in a few words.</summary>
    public static string Holder(DomainHolder holder) => holder switch
    {
        DomainHolder.Source => SR.HolderAtSource,
        DomainHolder.SourceStopped => SR.HolderStandsStill,
        DomainHolder.Leaving => SR.HolderLeaves,
        DomainHolder.Both => SR.HolderOnBoth,
        DomainHolder.Destination => SR.HolderAtDestination,
        _ => SR.HolderGivenUp,
    };
}

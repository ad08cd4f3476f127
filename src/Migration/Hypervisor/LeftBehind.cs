namespace PreRecordMigration.Hypervisor;

/// <summary>A domain that a process held which has ended, and that nobody has taken up since.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Mark">What was to be done with it.</param>
/// <param name="Departure">How it left, as far as that is noted; null where it did not.</param>
public sealed record LeftBehind(string Name, SourceMark Mark, Departure? Departure);

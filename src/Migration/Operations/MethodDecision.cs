using PreRecordMigration.Options;

namespace PreRecordMigration.Operations;

/// <summary>How the memory of a domain is asked to travel. But for Auto, names and numbers are those of <see cref="MigrationMethod"/>.</summary>
public enum MigrationMethodChoice : long
{
    /// <summary>What a sample of the running domain advises, taken as Test-Migration takes it; or the report that is there already.</summary>
    Auto = 0,

    /// <inheritdoc cref="MigrationMethod.PreCopy"/>
    PreCopy = MigrationMethod.PreCopy,

    /// <inheritdoc cref="MigrationMethod.PostCopy"/>
    PostCopy = MigrationMethod.PostCopy,

    /// <inheritdoc cref="MigrationMethod.PreRecord"/>
    PreRecord = MigrationMethod.PreRecord,

    /// <inheritdoc cref="MigrationMethod.Hybrid"/>
    Hybrid = MigrationMethod.Hybrid,
}

/// <summary>The method that a choice comes to.</summary>
public static class MethodDecision
{
    /// <summary>The method where one was given; for Auto the one whose options all can be given, until it is known which is meant.</summary>
    /// <param name="choice">What was asked for.</param>
    public static MigrationMethod Concrete(MigrationMethodChoice choice) =>
        choice == MigrationMethodChoice.Auto ? MigrationMethod.PreRecord : (MigrationMethod)choice;
}

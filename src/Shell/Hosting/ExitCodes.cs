namespace PreRecordMigration.Shell.Hosting;

/// <summary>The exit codes of the shell, where a script did not choose its own.</summary>
internal static class ExitCodes
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>An error ended the script, or its last statement failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong or the module could not be imported.</summary>
    public const int NotStarted = 2;

    /// <summary>The most failures that an exit code tells apart.</summary>
    public const int MaxFailures = 100;

    /// <summary>Stopped by Ctrl+C.</summary>
    public const int Interrupted = 130;

    /// <summary>Stopped by SIGTERM.</summary>
    public const int Terminated = 143;
}

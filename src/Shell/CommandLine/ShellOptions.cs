namespace PreRecordMigration.Shell.CommandLine;

/// <summary>What the shell was started to do.</summary>
internal enum ShellAction
{
    /// <summary>Print the usage text.</summary>
    Help,

    /// <summary>Run the text given with <c>-Command</c>.</summary>
    Command,

    /// <summary>Run the script given with <c>-File</c>.</summary>
    File,

    /// <summary>Run Pester 5 test files.</summary>
    Pester,

    /// <summary>Read commands from standard input until it ends.</summary>
    Serve,
}

/// <summary>The parsed command line.</summary>
internal sealed record ShellOptions
{
    /// <summary>What to do.</summary>
    public ShellAction Action { get; init; } = ShellAction.Help;

    /// <summary>Directories given with <c>-ModulePath</c>, in order.</summary>
    public IReadOnlyList<string> ModulePaths { get; init; } = [];

    /// <summary>Whether the module PreRecordMigration is imported first.</summary>
    public bool ImportModule { get; init; } = true;

    /// <summary>Script text, script path or (for Pester) nothing.</summary>
    public string Text { get; init; } = "";

    /// <summary>Arguments of the script file, or the test paths.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Where Pester results are written as JSON, or null.</summary>
    public string? ResultFile { get; init; }

    /// <summary>Width in columns that output is formatted to, or null for the console's.</summary>
    public int? Width { get; init; }
}

/// <summary>A command line that cannot be understood. The message is for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);

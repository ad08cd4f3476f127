namespace PreRecordMigration.Shell.CommandLine;

/// <summary>The text that <c>-Help</c> prints.</summary>
internal static class Usage
{
    /// <summary>The whole help text.</summary>
    public const string Text = """
        prerecord-shell: a minimal PowerShell host for the module PreRecordMigration

        usage: prerecord-shell [options] -Command TEXT
               prerecord-shell [options] -File SCRIPT [ARGUMENT...]
               prerecord-shell [options] -Pester PATH... [-ResultFile FILE.json]
               prerecord-shell [options] -Serve

        options
          -ModulePath DIR   where to look for the module first: the module's own directory or the one that
                            holds it; may be repeated, and also goes to the front of PSModulePath
          -NoModule         do not import the module
          -Width COLUMNS    format output to this width (default: the console's, or 120 when redirected)

        Without -ModulePath the module is looked for in module/PreRecordMigration beside the executable, in
        ../module/PreRecordMigration, and then in PSModulePath.

        There is no PowerShell installation behind this shell: the language, .NET, Microsoft.PowerShell.Core and
        the module are there; Select-Object, Write-Host, Get-Date, Join-Path and the like are not.

        exit codes
          0     the script ended well
          N     the script said 'exit N'; with -Pester the number of failures (100 at most)
          1     an error ended the script, or its last statement failed
          2     the command line is wrong, or the module was not found or could not be imported
          130   stopped by Ctrl+C (143: by SIGTERM), after the running command has ended

        -Serve reads one JSON object a line from standard input and writes one a line to standard output:
          -> {"id":1,"command":"$x = 2; $x + 1"}            run text; variables stay between commands
          -> {"id":2,"file":"a.ps1","arguments":["b"]}      run a script file
          -> {"id":3,"pester":["tests"],"resultFile":"r.json"}  run Pester files in a session of their own
          -> {"cancel":3}                                   stop a command that runs or waits
          <- {"ready":true,"processId":123}                 first line: commands are taken from here on
          <- {"id":1,"exitCode":0,"stdout":"3\n","stderr":""}
          <- {"id":3,"exitCode":130,"stdout":"...","stderr":"...","cancelled":true}
          <- {"id":null,"error":"..."}                      a line that could not be understood
        Commands run one after the other. The shell ends with 0 when standard input ends and all have run.
        """;
}

# Runs a script with the module in a runspace of its own, and returns what it wrote to each stream.

function Invoke-Elsewhere([string] $script) {
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
        [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
    $shell = [System.Management.Automation.PowerShell]::Create()
    try {
        $runspace.Open()
        $shell.Runspace = $runspace
        $null = $shell.AddScript("Import-Module '$manifest'; $script")
        $output = $shell.Invoke()
        [pscustomobject] @{
            Output   = @($output)
            Errors   = @($shell.Streams.Error)
            Progress = @($shell.Streams.Progress)
            Verbose  = @($shell.Streams.Verbose)
            Debug    = @($shell.Streams.Debug)
            Warnings = @($shell.Streams.Warning)
        }
    }
    finally {
        $shell.Dispose()
        $runspace.Dispose()
    }
}

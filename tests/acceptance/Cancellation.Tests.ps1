# Ctrl+C, as PowerShell delivers it: the pipeline is stopped while it runs. The command returns only when everything is
# undone, and the domain runs on where it was.

BeforeAll {
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $null = New-SimulatedHost stop1, stop2
    $null = New-SimulatedDomain stopped -HostName stop1 -Memory 16MB -OperationsPerSecond 20000

    # Runs a command in a runspace of its own, and stops it as soon as its progress matches.
    function Stop-At([string] $command, [string] $progress) {
        $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
            [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
        $runspace.Open()
        $shell = [System.Management.Automation.PowerShell]::Create()
        $shell.Runspace = $runspace
        try {
            $null = $shell.AddScript("Import-Module '$manifest'; $command")
            $running = $shell.BeginInvoke()
            $patience = [System.Diagnostics.Stopwatch]::StartNew()
            $seen = $false
            while (-not $seen -and -not $running.IsCompleted -and $patience.Elapsed.TotalSeconds -lt 60) {
                foreach ($record in $shell.Streams.Progress.ReadAll()) {
                    $seen = $seen -or $record.StatusDescription -match $progress
                }

                $null = [System.Threading.Thread]::Yield()
            }

            $shell.Stop()
            [pscustomobject] @{ Seen = $seen; State = "$($shell.InvocationStateInfo.State)" }
        }
        finally {
            $shell.Dispose()
            $runspace.Dispose()
        }
    }
}

AfterAll {
    Disconnect-MigrationHost stop1, stop2
}

Describe 'Stopping' {
    AfterEach {
        "$((Get-MigrationDomain stopped -HostName stop1).State)" | Should -Be 'Running'
        Get-MigrationDomain stopped* -HostName stop2 | Should -BeNullOrEmpty
    }

    It 'Start-PreRecord in the window lets the domain run on' {
        $stopped = Stop-At 'Start-PreRecord stopped -Window 10min -Epoch 20ms' 'Record'
        $stopped.Seen | Should -BeTrue
        $stopped.State | Should -Be 'Stopped'
    }

    It 'Invoke-PreRecordMigration in <Phase> lets the domain run on' -ForEach @(
        @{ Phase = 'Rounds'; Arguments = '-Method PreCopy -BandwidthLimit 1MB' }
        @{ Phase = 'Record'; Arguments = '-Mode Observe -Window 10min -Epoch 20ms' }
        @{ Phase = 'Record'; Arguments = '-Mode Rollback -Window 10min -Epoch 20ms' }
    ) {
        $stopped = Stop-At "Invoke-PreRecordMigration stopped stop2 $Arguments" $Phase
        $stopped.Seen | Should -BeTrue
        $stopped.State | Should -Be 'Stopped'
    }

    It 'leaves the domain free to be moved after all' {
        $null = Start-PreRecord stopped -Window 20ms | Stop-PreRecord
    }
}

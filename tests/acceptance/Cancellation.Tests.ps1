# Ctrl+C, as PowerShell delivers it: the pipeline is stopped while it runs. The command returns only when everything is
# undone, and the domain runs on where it was.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Held.ps1'))
    $null = New-SimulatedHost stop1, stop2
    $null = New-SimulatedDomain stopped -HostName stop1 -Memory 16MB -OperationsPerSecond 20000

    # From the first thing on that it begins, this process has a socket on which it says to others what it has.
    $null = Start-MigrationReceiver stop2
    Stop-MigrationReceiver stop2

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
    BeforeEach {
        $held = Get-Held 'stop1', 'stop2'
    }

    AfterEach {
        Wait-Held 'stop1', 'stop2' $held
        "$((Get-MigrationDomain stopped -HostName stop1).State)" | Should -Be 'Running'
        Get-MigrationDomain stopped* -HostName stop2 | Should -BeNullOrEmpty
    }

    It 'Start-PreRecord in the window lets the domain run on' {
        $stopped = Stop-At 'Start-PreRecord stopped -Mode Rollback -Window 10min -Epoch 20ms' 'Record'
        $stopped.Seen | Should -BeTrue
        $stopped.State | Should -Be 'Stopped'
    }

    It 'Invoke-PreRecordMigration in <Phase> lets the domain run on' -ForEach @(
        @{ Phase = 'Rounds'; Arguments = '-Method PreCopy -BandwidthLimit 1MB' }
        @{ Phase = 'Rounds'; Arguments = '-Method Hybrid -BandwidthLimit 1MB' }
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

# A call of the simulated host that belongs to the phase is held until the migration has been asked to stop, so that it is
# always stopped in that phase and nowhere else.
Describe 'Stopping in a phase' {
    BeforeAll {
        # Without the name of a migration there is no state to wait for: a window that nobody would wait out is stopped.
        function Stop-Held([string] $name, [string] $command, [string] $hostName, [string] $call) {
            $held = [PreRecordMigration.Simulated.SimulatedCall] $call
            $entered = [System.Threading.ManualResetEventSlim]::new()
            $release = [System.Threading.ManualResetEventSlim]::new()
            $hold = [System.Delegate]::Combine((ConvertTo-Action $entered 'Set'), (ConvertTo-Action $release 'Wait'))
            (Get-SimulatedHost $hostName).Faults.Before($held, 1, $hold)
            $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
                [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
            $runspace.Open()
            $shell = [System.Management.Automation.PowerShell]::Create()
            $shell.Runspace = $runspace
            try {
                $null = $shell.AddScript("Import-Module '$manifest'; $command")
                $null = $shell.BeginInvoke()
                $entered.Wait([TimeSpan]::FromMinutes(2)) | Should -BeTrue
                $stopping = $shell.BeginStop($null, $null)
                $patience = [System.Diagnostics.Stopwatch]::StartNew()
                while ($name -and "$(@(Get-Migration $name)[-1].State)" -ne 'Stopping' -and $patience.Elapsed.TotalMinutes -lt 2) {
                    $null = [System.Threading.Thread]::Yield()
                }

                $release.Set()
                $shell.EndStop($stopping)
                "$($shell.InvocationStateInfo.State)" | Should -Be 'Stopped'
            }
            finally {
                $release.Set()
                $shell.Dispose()
                $runspace.Dispose()
            }
        }
    }

    It '<Phase>, before the commit, lets the domain run on at the source: <Call>' -ForEach @(
        @{ Phase = 'Prepare'; Call = 'CreateIncoming'; On = 'stop2'; Arguments = '-Mode Rollback -Window 40ms -Epoch 20ms' }
        @{ Phase = 'Prepare'; Call = 'EnableRemotePF'; On = 'stop2'; Arguments = '-Mode Rollback -Window 40ms -Epoch 20ms' }
        @{ Phase = 'Checkpoint'; Call = 'Suspend'; On = 'stop1'; Arguments = '-Mode Rollback -Window 40ms -Epoch 20ms' }
        @{ Phase = 'Checkpoint'; Call = 'CaptureCoreState'; On = 'stop1'; Arguments = '-Mode Rollback -Window 40ms -Epoch 20ms' }
        @{ Phase = 'Record'; Call = 'RunFor'; On = 'stop1'; Arguments = '-Mode Rollback -Window 40ms -Epoch 20ms' }
        @{ Phase = 'Record'; Call = 'BeginEpoch'; On = 'stop1'; Arguments = '-Window 40ms -Epoch 20ms -Mode Observe' }
        @{ Phase = 'Rounds'; Call = 'Collect'; On = 'stop1'; Arguments = '-Method PreCopy' }
        @{ Phase = 'Handover'; Call = 'Suspend'; On = 'stop1'; Arguments = '-Method PostCopy' }
        @{ Phase = 'Handover'; Call = 'Restore'; On = 'stop2'; Arguments = '-Method PostCopy' }
    ) {
        $before = Get-Held 'stop1', 'stop2'
        Stop-Held 'stopped' "Invoke-PreRecordMigration stopped stop2 $Arguments" $On $Call
        Wait-Held 'stop1', 'stop2' $before
        "$((Get-MigrationDomain stopped -HostName stop1).State)" | Should -Be 'Running'
        Get-MigrationDomain stopped* -HostName stop2 | Should -BeNullOrEmpty
        $after = @(Get-Migration stopped)[-1]
        "$($after.State)" | Should -Be 'Stopped'
        $after.Error | Should -Match "'stopped' runs on at 'stop1'"
        Get-RemotePF stopped* | Should -BeNullOrEmpty

        # Nothing holds the domain any more, and its outputs flow.
        Start-PreRecord stopped -Window 20ms | Stop-PreRecord
    }

    It 'Push, after the commit, finishes all the same: <Method>' -ForEach @(
        @{ Method = 'PostCopy'; Arguments = '-Method PostCopy' }
        @{ Method = 'PreRecord'; Arguments = '-Mode Observe -Window 40ms -Epoch 20ms' }
    ) {
        $name = "pushed$Method"
        $null = New-SimulatedDomain $name -HostName stop1 -Memory 8MB -OperationsPerSecond 20000
        $before = Get-Held 'stop1', 'stop2'
        Stop-Held $name "Invoke-PreRecordMigration $name stop2 $Arguments" 'stop2' 'Place'

        # The command waits for a few seconds only; the migration finishes in any case.
        $null = Wait-Migration $name
        "$(@(Get-Migration $name)[-1].State)" | Should -Be 'Completed'
        "$((Get-MigrationDomain $name -HostName stop2).State)" | Should -Be 'Running'
        Get-MigrationDomain "$name*" -HostName stop1 | Should -BeNullOrEmpty
        (Get-SimulatedHost stop2).Violations.Count | Should -Be 0
        Wait-Held 'stop1', 'stop2' $before
    }

    It 'Restore-PageBackup into a fresh domain, before the commit, lets the domain run on: <Call>' -ForEach @(
        @{ Call = 'CreateIncoming' }
        @{ Call = 'Restore' }
    ) {
        $null = New-SimulatedHost stop3 -Without InPlaceRollback
        $null = New-SimulatedDomain rolled -HostName stop3 -Memory 8MB -OperationsPerSecond 20000
        $before = Get-Held stop3
        Stop-Held 'rolled' 'Start-PreRecord rolled -Mode Rollback -Window 40ms -Epoch 20ms | Restore-PageBackup' stop3 $Call
        Wait-Held stop3 $before
        @(Get-MigrationDomain rolled* -HostName stop3).Count | Should -Be 1
        "$((Get-MigrationDomain rolled -HostName stop3).State)" | Should -Be 'Running'
        Disconnect-MigrationHost stop3
    }

    It 'Start-PreRecord in <Call> lets the domain run on' -ForEach @(
        @{ Call = 'PlugOutputs' }
        @{ Call = 'PrepareOutputs' }
        @{ Call = 'HoldOutputs' }
        @{ Call = 'Suspend' }
        @{ Call = 'StartRecording' }
        @{ Call = 'CaptureCoreState' }
        @{ Call = 'BeginEpoch' }
    ) {
        $before = Get-Held 'stop1', 'stop2'
        Stop-Held $null 'Start-PreRecord stopped -Mode Rollback -Window 10min -Epoch 20ms' 'stop1' $Call
        Wait-Held 'stop1', 'stop2' $before
        Start-PreRecord stopped -Window 20ms | Stop-PreRecord
    }

    It 'Test-Migration while it samples lets the domain run on: <Call>' -ForEach @(
        @{ Call = 'StartDirtyTracking' }
        @{ Call = 'RunFor' }
    ) {
        $before = Get-Held 'stop1', 'stop2'
        Stop-Held $null 'Test-Migration stopped stop2 -Window 10min -Epoch 20ms' 'stop1' $Call
        Wait-Held 'stop1', 'stop2' $before
    }
}

Describe 'Stopping the work on a file' {
    BeforeAll {
        function New-Shell([string] $command) {
            $shell = [System.Management.Automation.PowerShell]::Create()
            $shell.Runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace(
                [System.Management.Automation.Runspaces.InitialSessionState]::CreateDefault2())
            $shell.Runspace.Open()
            $shell.AddScript("Import-Module '$manifest'; $command")
        }

        $folder = [System.IO.Directory]::CreateTempSubdirectory('prerecord-').FullName
        $large = [System.IO.Path]::Combine($folder, 'large.csv')
        [System.IO.File]::WriteAllText($large, (0..99999).ForEach({ "$_,1,1`n" }) -join '')
    }

    AfterAll {
        [System.IO.Directory]::Delete($folder, $true)
    }

    # Each goes on for ever, so that it is stopped wherever it happens to be: what holds then holds at every moment.
    It '<Command> lets go of the file that it reads' -ForEach @(
        @{ Command = 'Import-PreRecord' }
        @{ Command = 'Measure-PageOrder -Order Sequential' }
    ) {
        foreach ($time in 1..3) {
            $shell = New-Shell "while (`$true) { `$null = $Command '$large' }"
            $running = $shell.BeginInvoke()
            while ($shell.Streams.Progress.Count -lt $time -and -not $running.IsCompleted) {
                $null = [System.Threading.Thread]::Yield()
            }

            $shell.Stop()
            "$($shell.InvocationStateInfo.State)" | Should -Be 'Stopped'
            [System.IO.FileStream]::new($large, 'Open', 'ReadWrite', 'None').Dispose()
            $shell.Runspace.Dispose()
            $shell.Dispose()
        }
    }

    It 'Export-PreRecord leaves a file that is whole, or none' {
        $whole = (Import-PreRecord $large | Export-PreRecord ([System.IO.Path]::Combine($folder, 'whole.csv'))).Length
        $target = [System.IO.Path]::Combine($folder, 'again.csv')

        # What is written under a name of its own, until it is whole.
        function Get-Unfinished {
            , @([System.IO.Directory]::GetFiles($folder).Where({ [System.IO.Path]::GetFileName($_) -notin 'large.csv', 'whole.csv', 'again.csv' }))
        }

        foreach ($time in 1..3) {
            $shell = New-Shell "`$read = Import-PreRecord '$large'; while (`$true) { `$read | Export-PreRecord '$target' -Force }"
            $running = $shell.BeginInvoke()
            while ((Get-Unfinished).Count -eq 0 -and -not $running.IsCompleted) {
                $null = [System.Threading.Thread]::Yield()
            }

            $shell.Stop()
            "$($shell.InvocationStateInfo.State)" | Should -Be 'Stopped'
            (Get-Unfinished).Count | Should -Be 0
            if ([System.IO.File]::Exists($target)) {
                [System.IO.FileInfo]::new($target).Length | Should -Be $whole
            }

            $shell.Runspace.Dispose()
            $shell.Dispose()
        }
    }
}

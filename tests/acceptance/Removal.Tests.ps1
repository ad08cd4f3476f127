# The module is removed, or a runspace that has it is closed: where no runspace of the process has it any more, what has not left ends, what has left goes
# on, and the process goes on as well.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')

    # What a session does that has no module yet. What it says, it says on standard error, between the words of the module.
    function Invoke-Session([string] $text) {
        $path = [System.IO.Path]::Combine($TestDrive, "$([guid]::NewGuid()).ps1")
        [System.IO.File]::WriteAllText($path, "
            `$ProgressPreference = 'SilentlyContinue'
            function Write-Word([string] `$word) { [System.Console]::Error.WriteLine(`$word) }
            function Wait-Phase([scriptblock] `$isThere) { while (-not (& `$isThere (Get-Migration leaver))) { `$null = [System.Threading.Thread]::Yield() } }
            function New-Pair {
                `$null = New-SimulatedHost end1, end2
                `$null = New-SimulatedDomain leaver -HostName end1 -Memory 16MB -OperationsPerSecond 20000
            }

            # A runspace of its own with the module, which begins something, and is closed by whoever calls.
            function New-Elsewhere([string] `$script) {
                `$runspace = [runspacefactory]::CreateRunspace()
                `$runspace.Open()
                `$shell = [powershell]::Create(`$runspace)
                `$null = `$shell.AddScript(`"Import-Module '$manifest'; function New-Pair { `${function:New-Pair} }; function Wait-Phase { `${function:Wait-Phase} }; `$script`").Invoke()
                foreach (`$failed in `$shell.Streams.Error) { Write-Word `"FAILED `$failed`" }
                `$shell.Dispose()
                `$runspace
            }

            $text")
        $child = Invoke-Fresh $path
        $child.Errors | Should -Not -Match 'FAILED'
        $child
    }
}

Describe 'Removing the module' {
    It 'stops what has not left, and says so; imported again, the module lists it, and moves the domain: <Phase>' -ForEach @(
        @{ Phase = 'a window'; Move = '-Mode Observe -Window 10min -Epoch 20ms'; Is = 'Record' }
        @{ Phase = 'rounds of pre-copy'; Move = '-Method PreCopy -BandwidthLimit 256KB'; Is = 'Rounds' }
    ) {
        $child = Invoke-Session "
            Import-Module '$manifest'
            New-Pair
            `$null = Start-Migration leaver end2 $Move
            Wait-Phase { `"`$(`$args[0].Phase)`" -eq '$Is' }
            Remove-Module PreRecordMigration
            Write-Word 'REMOVED'
            Import-Module '$manifest'
            Write-Word `"AGAIN `$((Get-Migration leaver).State) `$((Get-MigrationDomain leaver -HostName end1).State)`"
            `$null = Invoke-PreRecordMigration leaver end2 -Method PostCopy
            Write-Word `"MOVED `$((Get-MigrationDomain leaver -HostName end2).State)`"
            exit 3"
        $child.Errors | Should -Match "(?s)^PreRecordMigration: Migration 1 of 'leaver' has ended with the module\. Stopped before the commit: 'leaver' runs on at 'end1'\.\s+REMOVED\s+AGAIN Stopped Running\s+MOVED Running\s+$"
        $child.ExitCode | Should -Be 3
    }

    It 'lets a held recording go, and its domain runs on' {
        $child = Invoke-Session "
            Import-Module '$manifest'
            New-Pair
            `$null = Start-PreRecord leaver -Mode Rollback -Window 20ms -Epoch 20ms
            Remove-Module PreRecordMigration
            Import-Module '$manifest'
            Write-Word `"AGAIN `$(@(Get-PreRecord).Count) `$((Get-MigrationDomain leaver -HostName end1).State)`"
            exit"
        $child.Errors | Should -Match "(?s)^PreRecordMigration: The recording of 'leaver' on 'end1', which was held until [0-9:]+, ended with the module: the domain runs on\.\s+AGAIN 0 Running\s+$"
    }

    It 'does not wait for what has left, and says so; the session does, at its end' {
        $child = Invoke-Session "
            Import-Module '$manifest'
            New-Pair
            `$null = Start-MigrationReceiver end2
            `$null = Start-Migration leaver end2 -Method PostCopy -BandwidthLimit 4MB
            Wait-Phase { `"`$(`$args[0].Holder)`" -eq 'Both' }
            Remove-Module PreRecordMigration
            Import-Module '$manifest'
            Write-Word `"AGAIN `$((Get-Migration leaver).State)`"
            Remove-Module PreRecordMigration
            exit"
        $child.Errors | Should -Match "Migration 1 of 'leaver' goes on in this process, which waits for it at its end: it is past its commit, and [0-9,]+ of [0-9,]+ pages have arrived"
        $child.Errors | Should -Match "'leaver' has left: it runs at 'end2', and what is missing.*as long as pages arrive, and for 90 s at most where none does\."
        $child.Errors | Should -Match "What comes into 'end2' goes on in this process, which waits for it at its end: 'leaver', which has run there, and of which [0-9,]+ pages are missing"
        $child.Errors | Should -Match 'AGAIN Running'
        $child.Errors | Should -Match "This session ends when migration 1 of 'leaver' has ended"
        $child.Errors | Should -Match "Migration 1 of 'leaver' has ended with the session\. 'leaver' is wholly at 'end2'\."
    }

    It 'is what an import is that is forced: a receiver ends, and there can be another' {
        $child = Invoke-Session "
            Import-Module '$manifest'
            New-Pair
            `$null = Start-MigrationReceiver end2
            Import-Module '$manifest' -Force
            Write-Word `"AGAIN `$(@(Get-MigrationReceiver).Count) `$((Start-MigrationReceiver end2).HostName)`"
            exit"
        $child.Errors | Should -Match "(?s)^PreRecordMigration: The receiver of 'end2' has ended with the module\.\s+AGAIN 0 end2\s+$"
    }

    It 'ends nothing where another runspace has it' {
        $child = Invoke-Session "
            Import-Module '$manifest'
            New-Pair
            `$runspace = New-Elsewhere ''
            `$null = Start-Migration leaver end2 -Window 10min -Epoch 20ms
            Wait-Phase { `"`$(`$args[0].Phase)`" -eq 'Record' }
            Remove-Module PreRecordMigration
            Import-Module '$manifest'
            Write-Word `"AGAIN `$((Get-Migration leaver).State)`"
            Remove-Module PreRecordMigration
            `$runspace.Close()
            Write-Word 'CLOSED'
            exit"
        $child.Errors | Should -Match "(?s)^AGAIN Running\s+PreRecordMigration: Migration 1 of 'leaver' has ended with the module\. Stopped before the commit: 'leaver' runs on at 'end1'\.\s+CLOSED\s+$"
    }
}

Describe 'Closing a runspace' {
    It 'ends what has not left where no other one has the module: by <How>' -ForEach @(
        @{ How = 'Close'; Close = '$runspace.Close()' }
        @{ How = 'Dispose'; Close = '$runspace.Dispose()' }
        @{ How = 'CloseAsync'; Close = '$runspace.CloseAsync(); while ([PreRecordMigration.Operations.Workspace]::OfProcess.Migrations.Get(1).IsActive) { $null = [System.Threading.Thread]::Yield() }' }
    ) {
        $child = Invoke-Session "
            `$runspace = New-Elsewhere 'New-Pair; `$null = Start-Migration leaver end2 -Window 10min -Epoch 20ms; Wait-Phase { `"`$(`$args[0].Phase)`" -eq `"Record`" }'
            $Close
            Import-Module '$manifest'
            Write-Word `"AGAIN `$((Get-Migration leaver).State) `$((Get-MigrationDomain leaver -HostName end1).State)`"
            exit"
        $child.Errors | Should -Match "(?s)^PreRecordMigration: Migration 1 of 'leaver' has ended with the module\. Stopped before the commit: 'leaver' runs on at 'end1'\.\s+AGAIN Stopped Running\s+$"
    }

    It 'ends nothing where another one has the module, and nothing more where that has said what ended' {
        $child = Invoke-Session "
            `$runspace = New-Elsewhere 'New-Pair; `$null = Start-Migration leaver end2 -Window 10min -Epoch 20ms; Wait-Phase { `"`$(`$args[0].Phase)`" -eq `"Record`" }'
            Import-Module '$manifest'
            `$runspace.Close()
            Write-Word `"AGAIN `$((Get-Migration leaver).State)`"
            exit"
        $child.Errors | Should -Match "(?s)^AGAIN Running\s+PreRecordMigration: Migration 1 of 'leaver' has ended with the session\. Stopped before the commit: 'leaver' runs on at 'end1'\.\s+PreRecordMigration: Simulated hosts end with the session, and their domains with them\.\s+$"
    }

    It 'is what the end of a thread job is, whose session has not the module itself' {
        $child = Invoke-Session "
            `$null = Start-ThreadJob {
                Import-Module '$manifest'
                `$null = New-SimulatedHost end1, end2
                `$null = New-SimulatedDomain leaver -HostName end1 -Memory 16MB -OperationsPerSecond 20000
                `$null = Start-Migration leaver end2 -Method PostCopy -BandwidthLimit 4MB
                while (`"`$((Get-Migration leaver).Holder)`" -ne 'Both') { `$null = [System.Threading.Thread]::Yield() }
            } | Wait-Job
            exit"
        $child.Errors | Should -Match "Migration 1 of 'leaver' goes on in this process"
        $child.Errors | Should -Match "Migration 1 of 'leaver' has ended with the session\. 'leaver' is wholly at 'end2'\."
    }
}

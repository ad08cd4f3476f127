# What has ended keeps its outcome, and nothing of its guest.


Describe 'Migrations that have ended' {
    BeforeAll {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
        if ($null -eq ('PreRecordMigration.Tests.Reachable' -as [type])) {
            Add-Type -Path ([System.IO.Path]::Combine($PSScriptRoot, '..', 'unit', 'Reachable.cs'))
        }

        $ofGuest = 'PreRecordSession', 'PageBackup', 'PageBitmap', 'PageSet', 'CoreState', 'AccessTrajectory', 'SimulatedDomain',
            'SimulatedMemory', 'SimulatedSourceDomain', 'SimulatedCheckpointedDomain', 'SimulatedIncomingDomain', 'MovePump'

        # The job behind a handle.
        function Get-Job([int] $id) {
            [PreRecordMigration.Operations.Workspace]::OfProcess.Migrations.Get($id)
        }

        # What was known of it at the destination has an end of its own, which nothing at the source waits for.
        function Wait-Arrived {
            foreach ($receiver in [PreRecordMigration.Operations.Workspace]::OfProcess.Receivers.All) {
                foreach ($incoming in $receiver.Incoming) { $incoming.Ended.Wait() }
            }
        }

        $null = New-SimulatedHost ended1, ended2, ended3 -Memory 128MB
        $null = Start-MigrationReceiver ended2
    }

    AfterAll {
        Disconnect-MigrationHost ended1, ended2, ended3 -ErrorAction SilentlyContinue
        Stop-MigrationReceiver ended2
        Disconnect-MigrationHost ended2
    }

    It 'reach nothing of their guests: <Name>' -ForEach @(
        @{ Name = 'pre-copy'; Move = { Start-Migration $_ ended2 -Method PreCopy } }
        @{ Name = 'post-copy'; Move = { Start-Migration $_ ended2 -Method PostCopy } }
        @{ Name = 'observe'; Move = { Start-Migration $_ ended2 -Mode Observe -Window 40ms -Epoch 20ms } }
        @{ Name = 'rollback'; Move = { Start-Migration $_ ended2 -Mode Rollback -Window 40ms -Epoch 20ms } }
        @{ Name = 'a recording'; Move = { Start-PreRecord $_ -Mode Rollback -Window 40ms -Epoch 20ms | Start-Migration -Destination ended2 } }
        @{ Name = 'a report'; Move = { Test-Migration $_ ended2 -Window 40ms -Epoch 20ms | Start-Migration -Method PostCopy } }
        @{ Name = 'a receiver of its own'; Move = { Start-Migration $_ ended3 -Method PostCopy } }
        @{ Name = 'an error'; Move = { (Get-SimulatedHost ended2).Faults.Fail('Restore', 1); Start-Migration $_ ended2 -Method PostCopy } }
    ) {
        $domain = 'ended ' + $Name
        $null = New-SimulatedDomain $domain -HostName ended1 -Memory 8MB -OperationsPerSecond 20000
        $handle = $domain | ForEach-Object $Move
        Wait-Migration -Id $handle.Id -ErrorAction SilentlyContinue | Out-Null
        (Get-Migration -Id $handle.Id).State | Should -BeIn 'Completed', 'Failed'
        Wait-Arrived
        foreach ($simulated in 'ended1', 'ended2', 'ended3') {
            $left = Get-SimulatedHost $simulated
            $left.GetDomains().ForEach({ $left.OpenSource($_.Name).Destroy() })
        }

        [PreRecordMigration.Tests.Reachable]::PathToTypes((Get-Job $handle.Id), $ofGuest) | Should -BeNullOrEmpty
        (Get-Migration -Id $handle.Id).Name | Should -Be $domain
    }
    It 'keep their guests while they may be resumed, and no longer' {
        $null = New-SimulatedDomain 'ended lost' -HostName ended1 -Memory 8MB -OperationsPerSecond 20000
        (Get-SimulatedHost ended2).Faults.Fail('Place', 2)
        $handle = Start-Migration 'ended lost' ended2 -Method PostCopy
        Wait-Migration -Id $handle.Id -ErrorAction SilentlyContinue | Out-Null
        [PreRecordMigration.Tests.Reachable]::PathToTypes((Get-Job $handle.Id), $ofGuest) | Should -Not -BeNullOrEmpty
        Stop-Migration -Id $handle.Id -Force | Out-Null
        Wait-Arrived
        [PreRecordMigration.Tests.Reachable]::PathToTypes((Get-Job $handle.Id), $ofGuest) | Should -BeNullOrEmpty
    }
}

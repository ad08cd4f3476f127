# What a recording has backed up, and how a domain goes back to its checkpoint.

BeforeAll {
    $null = New-SimulatedHost record1, record2
    $null = New-SimulatedDomain worker, second -HostName record1 -Memory 8MB -OperationsPerSecond 20000
    filter Where-Running { if ($_.State -eq 'Running') { $_ } }
    function Get-WorkerState { "$((Get-MigrationDomain worker -HostName record1).State)" }
}

AfterAll {
    Disconnect-MigrationHost record1, record2
}

Describe 'Get-PageBackup and Restore-PageBackup' {
    It 'show what was backed up, and roll the domain back to its checkpoint' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 60ms -Epoch 20ms
        $backup = $recorded | Get-PageBackup
        $backup.PageCount | Should -Be $recorded.BackedUpPages
        $backup.Pfn.Count | Should -Be $backup.PageCount
        $backup.Bytes | Should -BeGreaterOrEqual ($backup.PageCount * 4096)
        $backup.Limit | Should -BeGreaterOrEqual 8MB
        $restored = $backup | Restore-PageBackup
        $restored.Name | Should -Be 'worker'
        Get-WorkerState | Should -Be 'Running'
        $recorded | Get-PageBackup -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingNotHeld,PreRecordMigration.Cmdlets.GetPageBackupCommand'
    }

    It 'restore nothing with -WhatIf' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms
        $recorded | Restore-PageBackup -WhatIf | Should -BeNullOrEmpty
        Get-WorkerState | Should -Be 'Paused'
        $null = $recorded | Restore-PageBackup
    }

    It 'refuse what only observed, and keep it' {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        ($recorded | Get-PageBackup).PageCount | Should -Be 0
        $recorded | Restore-PageBackup -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'NotSupported,PreRecordMigration.Cmdlets.RestorePageBackupCommand'
        $recorded | Stop-PreRecord
    }

    It 'want a recording, not a name: <Command>' -ForEach @(@{ Command = 'Get-PageBackup' }, @{ Command = 'Restore-PageBackup' }, @{ Command = 'Get-PageOrder' }) {
        $failed = { & $Command worker -ErrorAction Stop } | Should -Throw -PassThru -ErrorId 'ParameterArgumentTransformationError,*'
        $failed.Exception.Message | Should -Match "'worker' is a name, and a recording is wanted: .*\(Get-PreRecord worker\)"
    }
}

Describe 'Restore-PageBackup on a host that cannot put a domain back in place' {
    BeforeAll {
        . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
        . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
        $null = New-SimulatedHost fresh1 -Without InPlaceRollback -Memory 48MB
        $null = New-SimulatedDomain fresh -HostName fresh1 -Memory 8MB -OperationsPerSecond 20000
    }

    AfterAll {
        Disconnect-MigrationHost fresh1
    }

    AfterEach {
        # One domain of that name, and it runs, whatever came of it.
        $all = @(Get-MigrationDomain fresh* -HostName fresh1)
        $all.Count | Should -Be 1
        $all[0].Name | Should -Be 'fresh'
        "$($all[0].State)" | Should -Be 'Running'
        (Get-SimulatedHost fresh1).Violations.Count | Should -Be 0
    }

    It 'restores the checkpoint into a fresh domain of that name' {
        $before = Get-MigrationDomain fresh -HostName fresh1
        $recorded = Start-PreRecord fresh -Mode Rollback -Window 60ms -Epoch 20ms
        $restored = $recorded | Restore-PageBackup
        $restored.Name | Should -Be 'fresh'
        "$($restored.State)" | Should -Be 'Running'
        $restored.Id | Should -Not -Be $before.Id
        $recorded | Restore-PageBackup -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingNotHeld,PreRecordMigration.Cmdlets.RestorePageBackupCommand'
    }

    It 'shows its progress and what it does' {
        $there = Invoke-Elsewhere 'Start-PreRecord fresh -Mode Rollback -Window 20ms | Restore-PageBackup -Verbose'
        $there.Errors.Count | Should -Be 0
        $there.Output[0].Name | Should -Be 'fresh'
        "$($there.Progress[-1].RecordType)" | Should -Be 'Completed'
        $there.Verbose.ForEach({ $_.Message }) -join "`n" | Should -Match 'Handover'
    }

    It 'leaves the domain running where it is when the fresh one cannot be made' {
        $recorded = Start-PreRecord fresh -Mode Rollback -Window 20ms
        (Get-SimulatedHost fresh1).Faults.Fail('Restore', 1)
        $recorded | Restore-PageBackup -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HypervisorCall,PreRecordMigration.Cmdlets.RestorePageBackupCommand'
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'is refused with -WhatIf as well where there is no room for both' {
        $null = New-SimulatedDomain big -HostName fresh1 -Memory 36MB -Workload Idle
        $recorded = Start-PreRecord fresh -Mode Rollback -Window 20ms
        $recorded | Restore-PageBackup -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'OutOfMemory,PreRecordMigration.Cmdlets.RestorePageBackupCommand'
        $failed[0].TargetObject | Should -Be 'fresh'
        $recorded | Stop-PreRecord
    }
}

BeforeAll {
    $null = New-SimulatedHost record1, record2
    $null = New-SimulatedDomain worker, second -HostName record1 -Memory 8MB -OperationsPerSecond 20000
    filter Where-Running { if ($_.State -eq 'Running') { $_ } }
    function Get-WorkerState { "$((Get-MigrationDomain worker -HostName record1).State)" }
}

AfterAll {
    Disconnect-MigrationHost record1, record2
}

Describe 'Start-PreRecord' {
    AfterEach {
        if ($null -ne $recorded) {
            $recorded | Stop-PreRecord -ErrorAction SilentlyContinue
        }
    }

    It 'in Rollback backs up what changed, proves the rollback, and holds the domain' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 60ms -Epoch 20ms
        $recorded.DomainName | Should -Be 'worker'
        $recorded.SourceHost | Should -Be 'record1'
        "$($recorded.Mode)" | Should -Be 'Rollback'
        $recorded.Trajectory.EpochCount | Should -Be 3
        $recorded.RecordedPages | Should -BeGreaterThan 0
        $recorded.BackedUpPages | Should -BeGreaterThan 0
        $recorded.RollbackProof.IsProved | Should -BeTrue
        Get-WorkerState | Should -Be 'Paused'
        Stop-PreRecord $recorded
        Get-WorkerState | Should -Be 'Running'
    }

    It 'in Observe leaves the domain running, and backs nothing up' {
        $recorded = Get-MigrationDomain worker | Start-PreRecord -Window 60ms -Epoch 20ms -Mode Observe
        Get-WorkerState | Should -Be 'Running'
        $recorded.RecordedPages | Should -BeGreaterThan 0
        $recorded.BackedUpPages | Should -Be 0
        $recorded.RollbackProof | Should -BeNullOrEmpty
    }

    It 'leaves the proof out where that is asked for' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms -Epoch 20ms -SkipRollbackProof
        $recorded.RollbackProof | Should -BeNullOrEmpty
    }

    It 'takes an epoch no longer than the window where none is given' {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        $recorded.Trajectory.EpochCount | Should -Be 1
    }

    It 'records several domains from the pipeline' {
        $both = Get-MigrationDomain worker, second -HostName record1 | Start-PreRecord -Window 20ms -Mode Observe
        $both.DomainName -join ',' | Should -Be 'worker,second'
        $both | Stop-PreRecord
    }

    It 'with -WhatIf returns what it would record, touches nothing, and checks everything' {
        $would = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Rollback -WhatIf
        $would.DomainName | Should -Be 'worker'
        $would.IsPreview | Should -BeTrue
        $would.Window.TotalMilliseconds | Should -Be 60
        $would.RecordedPages | Should -Be 0
        Get-WorkerState | Should -Be 'Running'
        { Start-PreRecord nothere -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'DomainNotFound,PreRecordMigration.Cmdlets.StartPreRecordCommand'
    }

    It 'lets the domain run on by itself when nobody moves it' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms -HoldTime 300ms
        $patience = [System.Diagnostics.Stopwatch]::StartNew()
        while ((Get-WorkerState) -ne 'Running' -and $patience.Elapsed.TotalSeconds -lt 30) {
            $null = [System.Threading.Thread]::Yield()
        }

        Get-WorkerState | Should -Be 'Running'
        Stop-PreRecord $recorded -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingNotHeld,PreRecordMigration.Cmdlets.StopPreRecordCommand'
    }

    It 'refuses <Name>' -ForEach @(
        @{ Name = 'a window of zero'; Arguments = @{ Window = '0s' } }
        @{ Name = 'an epoch of zero'; Arguments = @{ Epoch = '0ms' } }
        @{ Name = 'an epoch over the window'; Arguments = @{ Window = '10ms'; Epoch = '20ms' } }
        @{ Name = 'no time to suspend'; Arguments = @{ SuspendTimeout = '0s' } }
        @{ Name = 'no time to hold'; Arguments = @{ HoldTime = '0s' } }
    ) {
        try {
            Start-PreRecord worker -Mode Rollback @Arguments
            'nothing was thrown' | Should -Be 'an error'
        }
        catch {
            $_.FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.StartPreRecordCommand'
            $_.CategoryInfo.Category | Should -Be 'InvalidArgument'
            $_.TargetObject | Should -BeIn @($Arguments.Keys)
            $_.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        }

        Get-WorkerState | Should -Be 'Running'
    }

    It 'refuses a domain that is being recorded already' {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Rollback
        Start-PreRecord worker -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DomainBusy,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ResourceBusy'
    }

    It 'refuses a name that stands on two hosts, until the host is named' {
        $null = New-SimulatedDomain worker -HostName record2 -Memory 4MB -Workload Idle
        Start-PreRecord worker -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'AmbiguousDomain,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        $recorded = Start-PreRecord worker -HostName record2 -Window 20ms -Mode Observe
        $recorded.SourceHost | Should -Be 'record2'
        $recorded | Stop-PreRecord
        Disconnect-MigrationHost record2
        $null = New-SimulatedHost record2
    }

    It 'gives up on a guest that refuses to suspend, which runs on' {
        $null = New-SimulatedDomain stubborn -HostName record2 -Memory 4MB -Workload Idle -RefuseSuspend
        Start-PreRecord stubborn -Mode Rollback -Window 20ms -SuspendTimeout 200ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SuspendTimeout,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'OperationTimeout'
        "$((Get-MigrationDomain stubborn).State)" | Should -Be 'Running'
    }

    It 'refuses Rollback where outputs cannot be held back, but observes' {
        $null = New-SimulatedDomain chatty -HostName record2 -Memory 4MB -Workload Idle -NoOutputIsolation
        Start-PreRecord chatty -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'OutputNotIsolable,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        "$((Get-MigrationDomain chatty).State)" | Should -Be 'Running'
        Start-PreRecord chatty -Window 20ms -Mode Observe | Stop-PreRecord
    }

    It 'refuses what the host cannot do' {
        $null = New-SimulatedHost record3 -Without Rollback
        $null = New-SimulatedDomain plain -HostName record3 -Memory 4MB -Workload Idle
        Start-PreRecord plain -Mode Rollback -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'NotSupported,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        Disconnect-MigrationHost record3
    }

    It 'stops at a backup store that is full, and the domain runs on' {
        Start-PreRecord worker -Mode Rollback -Window 200ms -BackupLimit 4096 -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'BackupStoreFull,PreRecordMigration.Cmdlets.StartPreRecordCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'LimitsExceeded'
        Get-WorkerState | Should -Be 'Running'
    }
}

Describe 'What Start-PreRecord -WhatIf returns' {
    BeforeAll {
        $would = Start-PreRecord worker -Mode Rollback -Window 60ms -WhatIf
    }

    It 'goes through a whole pipeline, which returns what would happen: -WhatIf <Where>' -ForEach @(
        @{ Where = 'on Start-PreRecord alone'; Everywhere = $false }
        @{ Where = 'by $WhatIfPreference'; Everywhere = $true }
    ) {
        $WhatIfPreference = $Everywhere
        $report = Get-MigrationDomain worker | Start-PreRecord -Mode Rollback -Window 60ms -WhatIf | Set-PageOrder -Strategy Auto |
            Enable-RemotePF -Destination record2 | Start-Migration | Wait-Migration
        $report.DomainName | Should -Be 'worker'
        $report.Destination | Should -Be 'record2'
        "$($report.Recommendation) $($report.Mode)" | Should -Be 'PreRecord Rollback'
        "$((Get-MigrationDomain worker).State)" | Should -Be 'Running'
        (Get-MigrationDomain worker).HostName | Should -Be 'record1'
    }

    It 'says what a move would run into' {
        $would | Enable-RemotePF -Destination record1 | Start-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DestinationIsSource,PreRecordMigration.Cmdlets.StartMigrationCommand'
        $would | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DestinationMissing,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }

    It 'is refused by <Command>, which needs something recorded' -ForEach @(
        @{ Command = 'Stop-PreRecord'; Arguments = @{} }
        @{ Command = 'Get-PageOrder'; Arguments = @{} }
        @{ Command = 'Get-PageBackup'; Arguments = @{} }
        @{ Command = 'Restore-PageBackup'; Arguments = @{} }
        @{ Command = 'Measure-PageOrder'; Arguments = @{} }
        @{ Command = 'Export-PreRecord'; Arguments = @{ Path = 'preview.prerecord' } }
    ) {
        $would | & $Command @Arguments -ErrorAction SilentlyContinue -ErrorVariable failed | Should -BeNullOrEmpty
        "$($failed[0].FullyQualifiedErrorId)".Split(',')[0] | Should -Be 'RecordingPreview'
        $failed[0].TargetObject | Should -Be 'worker'
    }
}

Describe 'Stop-PreRecord' {
    It 'leaves the recording with -WhatIf' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms
        Stop-PreRecord $recorded -WhatIf
        Get-WorkerState | Should -Be 'Paused'
        $recorded | Stop-PreRecord
        Get-WorkerState | Should -Be 'Running'
    }

    It 'says so where the recording is not held any more' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms
        Stop-PreRecord $recorded
        Stop-PreRecord $recorded -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingNotHeld,PreRecordMigration.Cmdlets.StopPreRecordCommand'
        $failed[0].TargetObject | Should -Be 'worker'
    }
}

Describe 'Get-PageOrder' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'puts recorded pages first, in the order of their first touch' {
        $order = $recorded | Get-PageOrder
        $order.Strategy -join ',' | Should -Be 'RecordedFirst'
        $order.RecordedCount | Should -Be $recorded.RecordedPages
        $touched = $recorded.Trajectory.PagesByFirstTouch()
        $order.Pfn[0..($touched.Count - 1)] -join ',' | Should -Be ($touched -join ',')
    }

    It 'has every page once, whatever the strategy' {
        foreach ($strategy in 'Sequential', 'RecordedFirst') {
            $order = Get-PageOrder $recorded -Strategy $strategy
            $distinct = [System.Collections.Generic.HashSet[int]]::new([int[]] $order.Pfn)
            $distinct.Count | Should -Be $order.Count
            $order.Count | Should -BeGreaterOrEqual 2048
        }
    }

    It 'is ascending where it is sequential' {
        $order = Get-PageOrder $recorded -Strategy Sequential
        $sorted = [int[]] $order.Pfn
        [Array]::Sort($sorted)
        $order.Pfn -join ',' | Should -Be ($sorted -join ',')
        $order.RecordedCount | Should -Be 0
    }

    It 'carries the recording on, with the order decided' {
        $order = Get-PageOrder $recorded -Strategy Sequential
        $order.PreRecord.Order -join ',' | Should -Be 'Sequential'
        $order.PreRecord.Id | Should -Be $recorded.Id
        $recorded.Order | Should -BeNullOrEmpty
    }

    It 'refuses a strategy that it does not know' {
        { Get-PageOrder $recorded -Strategy Guess } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,PreRecordMigration.Cmdlets.GetPageOrderCommand'
    }

    It 'composes strategies' {
        $order = Get-PageOrder $recorded -Strategy LinearRegression, IssDbscan
        $order.Strategy -join ',' | Should -Be 'LinearRegression,IssDbscan'
        $order.RecordedCount | Should -Be $recorded.RecordedPages
        $order.PredictedCount | Should -BeGreaterOrEqual 0
    }

    It 'says what Auto chose, and why' {
        (Get-PageOrder $recorded -Strategy Auto).Reason | Should -Match '%'
        (Get-PageOrder $recorded -Strategy Sequential).Reason | Should -BeNullOrEmpty
    }

    It 'refuses strategies that do not go together' {
        Get-PageOrder $recorded -Strategy Sequential, IssDbscan -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.GetPageOrderCommand'
    }
}

Describe 'Set-PageOrder' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'decides about a recording, and leaves the given one as it is' {
        $decided = $recorded | Set-PageOrder -Strategy Auto
        $decided.Order -join ',' | Should -Be 'Auto'
        $decided.Id | Should -Be $recorded.Id
        $recorded.Order | Should -BeNullOrEmpty
        "$(($decided | Get-PageOrder).Reason)" | Should -Match '%'
    }

    It 'takes an order from the pipeline' {
        ($recorded | Get-PageOrder | Set-PageOrder -Strategy Sequential).Order -join ',' | Should -Be 'Sequential'
    }

    It 'hands the recording on unchanged with -WhatIf' {
        ($recorded | Set-PageOrder -Strategy Auto -WhatIf).Order | Should -BeNullOrEmpty
    }

    It 'refuses strategies that do not go together' {
        $recorded | Set-PageOrder -Strategy Auto, IssDbscan -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'InvalidOption,PreRecordMigration.Cmdlets.SetPageOrderCommand'
        $failed[0].TargetObject | Should -Be 'worker'
    }
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

Describe 'Get-RemotePF' {
    It 'says what is decided about a recording' {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        ($recorded | Disable-RemotePF | Get-RemotePF).IsEnabled | Should -BeFalse
        $decided = $recorded | Enable-RemotePF -Destination record2 | Get-RemotePF
        $decided.IsEnabled | Should -BeTrue
        $decided.State | Should -Be 'Decided'
        $decided.HostName | Should -Be 'record2'
        $recorded | Stop-PreRecord
    }

    It 'says what is missing while a domain comes in' {
        $null = New-SimulatedDomain incoming -HostName record1 -Memory 8MB -OperationsPerSecond 20000
        $handle = Start-Migration incoming record2 -Method PostCopy -BandwidthLimit 2MB
        $seen = $null
        $patience = [System.Diagnostics.Stopwatch]::StartNew()
        while ($null -eq $seen -and $patience.Elapsed.TotalSeconds -lt 60) {
            $seen = @(Get-RemotePF incoming* | Where-Running)[0]
        }

        $seen.HostName | Should -Be 'record2'
        $seen.IsEnabled | Should -BeTrue
        $seen.MissingPages | Should -BeGreaterThan 0
        $null = $handle | Wait-Migration
        Get-RemotePF incoming* | Should -BeNullOrEmpty
    }

    It 'says so where no such domain comes in' {
        Get-RemotePF nobody -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'IncomingNotFound,PreRecordMigration.Cmdlets.GetRemotePFCommand'
    }
}

Describe 'Enable-RemotePF and Disable-RemotePF' {
    BeforeAll {
        $recorded = Start-PreRecord worker -Window 20ms -Mode Observe
        Stop-PreRecord $recorded
    }

    It 'decide about a recording, and leave the given one as it is' {
        ($recorded | Enable-RemotePF).RemotePF | Should -BeTrue
        ($recorded | Disable-RemotePF).RemotePF | Should -BeFalse
        $recorded.RemotePF | Should -BeNullOrEmpty
    }

    It 'take an order from the pipeline, and the destination' {
        $decided = $recorded | Get-PageOrder -Strategy Sequential | Enable-RemotePF -Destination record2
        $decided.RemotePF | Should -BeTrue
        $decided.Destination | Should -Be 'record2'
        $decided.Order -join ',' | Should -Be 'Sequential'
        ($decided | Disable-RemotePF).Destination | Should -Be 'record2'
    }

    It 'hand the recording on unchanged with -WhatIf' {
        ($recorded | Enable-RemotePF -WhatIf).RemotePF | Should -BeNullOrEmpty
        ($recorded | Disable-RemotePF -WhatIf).RemotePF | Should -BeNullOrEmpty
    }

    It 'refuse the destination <Destination>' -ForEach @(
        @{ Destination = 'nowhere'; Id = 'HostNotFound' }
        @{ Destination = '192.0.2.1:7000'; Id = 'DestinationNotLoopback' }
        @{ Destination = '192.0.2.1'; Id = 'DestinationNotLoopback' }
        @{ Destination = 'xen2.example.org:7000'; Id = 'DestinationNotLoopback' }
        @{ Destination = 'localhost:none'; Id = 'InvalidDestination' }
        @{ Destination = 'localhost:0'; Id = 'InvalidDestination' }
        @{ Destination = '127.0.0.1'; Id = 'InvalidDestination' }
        @{ Destination = 'localhost:70000'; Id = 'InvalidDestination' }
    ) {
        { $recorded | Enable-RemotePF -Destination $Destination } | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.EnableRemotePFCommand"
        { $recorded | Disable-RemotePF -Destination $Destination } | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.DisableRemotePFCommand"
    }
}

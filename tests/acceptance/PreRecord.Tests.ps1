# Recordings: how they are made, held and let go.

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

    It 'leaves the proof out where that is asked for: <_>' -ForEach @{ SkipRollbackProof = $true }, @{ RollbackProof = 'None' }, @{ SkipRollbackProof = $true; RollbackProof = 'None' } {
        $how = $_
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms -Epoch 20ms @how
        $recorded.RollbackProof | Should -BeNullOrEmpty
    }

    It 'proves the rollback by all memory where that is asked for, or where the host has no second witness' {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms -Epoch 20ms -RollbackProof Full
        "$($recorded.RollbackProof.Kind)" | Should -Be 'Full'
        Stop-PreRecord $recorded
        $recorded = Start-PreRecord worker -Mode Rollback -Window 20ms -Epoch 20ms
        "$($recorded.RollbackProof.Kind)" | Should -Be 'Witness'
        Stop-PreRecord $recorded

        $null = New-SimulatedHost unwitnessed -Without DirtyTracking
        try {
            $null = New-SimulatedDomain alone -HostName unwitnessed -Memory 8MB
            $recorded = Start-PreRecord alone -Mode Rollback -Window 20ms -Epoch 20ms
            "$($recorded.RollbackProof.Kind)" | Should -Be 'Full'
            Stop-PreRecord $recorded
        }
        finally {
            Disconnect-MigrationHost unwitnessed
        }
    }

    It 'refuses a proof that is to be made and left out' {
        { Start-PreRecord worker -Mode Rollback -SkipRollbackProof -RollbackProof Full } | Should -Throw -ErrorId 'InvalidOption,*'
        Get-WorkerState | Should -Be 'Running'
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

    It 'ends a window early where nearly as much is held back as <Option> says, and the domain runs on whole' -ForEach @(
        @{ Option = 'PacketLimit'; Limits = @{ PacketLimit = '4KB' } }
        @{ Option = 'OverlayLimit'; Limits = @{ OverlayLimit = '64KB' } }
    ) {
        $recorded = Start-PreRecord worker -Mode Rollback -Window 10s -Epoch 100ms @Limits
        $recorded.WindowCutShort | Should -BeTrue
        $recorded.RollbackProof.IsProved | Should -BeTrue
        $recorded | Stop-PreRecord
        Get-WorkerState | Should -Be 'Running'
        (Start-PreRecord worker -Mode Rollback -Window 60ms | Tee-Object -Variable short | Stop-PreRecord)
        $short.WindowCutShort | Should -BeFalse
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

# -Mode Auto, the default: what it chooses, and where it says why.

BeforeAll {
    $null = New-SimulatedHost mode1, mode2
    function New-Worker([string[]] $name) {
        $null = New-SimulatedDomain $name -HostName mode1 -Memory 8MB -OperationsPerSecond 20000
    }
}

AfterAll {
    Disconnect-MigrationHost mode1, mode2
}

Describe 'The default of -Mode' {
    It 'is Auto, as a parameter and as a setting' {
        (Get-MigrationConfiguration Mode).Default | Should -Be 'Auto'
        foreach ($command in 'Invoke-PreRecordMigration', 'Start-Migration', 'Start-PreRecord') {
            (Get-Command $command).Parameters['Mode'].ParameterType.GetEnumNames() -join ', ' | Should -Be 'Auto, Rollback, Observe'
        }
    }

    It 'works on every domain: <Case>' -ForEach @(
        @{ Case = 'whose outputs cannot be held back'; Without = @{}; Chatty = $true; Said = 'out0' }
        @{ Case = 'whose host cannot roll back'; Without = @{ Without = 'Rollback' }; Chatty = $false; Said = 'made without Rollback' }
        @{ Case = 'whose host cannot hold outputs back'; Without = @{ Without = 'OutputIsolation' }; Chatty = $false; Said = 'made without OutputIsolation' }
    ) {
        $null = New-SimulatedHost mode3 @Without
        try {
            $null = New-SimulatedDomain bound -HostName mode3 -Memory 4MB -Workload Idle -NoOutputIsolation:$Chatty
            Start-PreRecord bound -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused.Count | Should -Be 1
            $recorded = Start-PreRecord bound -Window 20ms
            "$($recorded.Mode): $($recorded.ModeReason)" | Should -Match "^Observe: .*Rollback is not possible.*$Said"
            $recorded | Stop-PreRecord
            Invoke-PreRecordMigration bound mode2 -Mode Rollback -Window 20ms -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused.Count | Should -Be 1
            $result = Invoke-PreRecordMigration bound mode2 -Window 20ms
            "$($result.Mode): $($result.ModeReason)" | Should -Match "^Observe: .*Rollback is not possible.*$Said"
            $null = Invoke-PreRecordMigration bound mode3 -Window 20ms
        }
        finally {
            Disconnect-MigrationHost mode3
        }
    }

    It 'observes where no sample says that a rollback is worth its window' {
        New-Worker unsampled
        $result = Invoke-PreRecordMigration unsampled mode2 -Window 40ms -Epoch 20ms
        "$($result.Mode)" | Should -Be 'Observe'
        $result.ModeReason | Should -Match '40 ms away.*Test-Migration'
        $result.OutputsHeldBack | Should -Be ([TimeSpan]::Zero)
    }

    It 'says what was chosen and why in -WhatIf, -Verbose, the report and the result' {
        New-Worker saying
        $verbose = Invoke-PreRecordMigration saying mode2 -Window 40ms -Epoch 20ms -WhatIf -Verbose 4>&1
        "$($verbose.Where({ $_ -is [System.Management.Automation.VerboseRecord] }))" | Should -Match "'saying': Observe: Rollback would throw"
        $report = $verbose.Where({ $_ -is [PreRecordMigration.Operations.MigrationReport] })[0]
        "$($report.Mode): $($report.Reasons)" | Should -Match '^Observe: .*Observe: Rollback would throw'
        $handle = Start-Migration saying mode2 -Window 40ms -Epoch 20ms
        ($handle | Wait-Migration).ModeReason | Should -Match '^Observe: '
    }

    It 'takes Rollback where a sample says that clients wait the shorter' {
        New-Worker sampled
        $report = Test-Migration sampled mode2 -Window 20ms -Epoch 20ms -Bandwidth 256KB/s -RoundTrip 200ms
        $of = { param($mode) @($report.Estimates).Where({ "$($_.Mode)" -eq $mode })[0] }
        (& $of Rollback).ClientsWait | Should -BeLessThan (& $of Observe).ClientsWait
        $result = $report | Invoke-PreRecordMigration -Method PreRecord -Window 20ms
        "$($result.Mode)" | Should -Be 'Rollback'
        $result.ModeReason | Should -Match '^Rollback: clients wait'
    }
}

Describe 'A mode that is given' {
    It 'is what is done' {
        New-Worker given
        $result = Invoke-PreRecordMigration given mode2 -Mode Rollback -Window 40ms -Epoch 20ms
        "$($result.Mode)" | Should -Be 'Rollback'
        $result.ModeReason | Should -BeNullOrEmpty
    }

    It 'goes before what a report advises' {
        New-Worker advised
        $result = Test-Migration advised mode2 -Window 20ms | Invoke-PreRecordMigration -Mode Rollback -Window 20ms
        "$($result.Method) $($result.Mode)" | Should -Be 'PreRecord Rollback'
    }
}

Describe 'What clients wait' {
    It 'has in it all that a rollback holds back' {
        New-Worker held
        $result = Invoke-PreRecordMigration held mode2 -Mode Rollback -Window 40ms -Epoch 20ms
        $result.OutputsHeldBack | Should -BeGreaterThan ($result.CheckpointPause + $result.DiscardedExecution)
        $result.ClientsWait | Should -Be ($result.OutputsHeldBack + $result.FaultLatency.Total)
    }

    It 'has in it the time that a recording was held' {
        New-Worker waiting
        $recorded = Start-PreRecord waiting -Mode Rollback -Window 40ms -Epoch 20ms
        $patience = [System.Diagnostics.Stopwatch]::StartNew()
        while ($patience.ElapsedMilliseconds -lt 50) { }
        $held = $patience.Elapsed
        $result = $recorded | Invoke-PreRecordMigration -Destination mode2
        $result.ClientsWait | Should -BeGreaterThan ($held + $result.DiscardedExecution)
    }

    It 'is the handover and the faults where nothing is rolled back' {
        New-Worker observed
        $result = Invoke-PreRecordMigration observed mode2 -Mode Observe -Window 40ms -Epoch 20ms
        $result.ClientsWait | Should -Be ($result.Downtime + $result.FaultLatency.Total)
    }

    It 'counts the discarded window in estimates' {
        New-Worker estimated
        $estimates = @((Test-Migration estimated mode2 -Window 100ms -Epoch 20ms).Estimates)
        foreach ($estimate in $estimates) {
            $discarded = if ("$($estimate.Mode)" -eq 'Rollback') { 100 } else { 0 }
            $estimate.DiscardedExecution.TotalMilliseconds | Should -Be $discarded
            $estimate.ClientsWait | Should -Be ($estimate.CheckpointPause + $estimate.DiscardedExecution + $estimate.Downtime + $estimate.Stalled)
        }
    }
}

Describe 'Test-Migration' {
    It 'lists what stands in the way of each mode' {
        $null = New-SimulatedDomain chatty3 -HostName mode1 -Memory 4MB -Workload Idle -NoOutputIsolation
        $report = Test-Migration chatty3 mode2 -Window 20ms
        $report.IsPossible | Should -BeTrue
        $problem = @($report.Incompatibilities).Where({ $_.ErrorId -eq 'OutputNotIsolable' })
        $problem.Count | Should -Be 1
        $problem[0].Methods -join ', ' | Should -Be 'PreRecord Rollback'
        $problem[0].Message | Should -Match 'out0'
        $problem[0].Remedy | Should -Match 'Observe'
    }
}

# Migrations with a handle: Start-, Get-, Wait- and Stop-Migration.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $null = New-SimulatedHost job1, job2

    # A slow push keeps a migration under way for as long as a test needs it.
    function New-Worker([string[]] $name, [string] $memory = '8MB') {
        $null = New-SimulatedDomain $name -HostName job1 -Memory $memory -OperationsPerSecond 20000
    }
}

AfterAll {
    Wait-Migration -ErrorAction SilentlyContinue
    Disconnect-MigrationHost job1, job2
}

Describe 'Start-Migration' {
    It 'returns a handle at once, and Wait-Migration the result' {
        New-Worker handle
        $handle = Start-Migration handle job2 -Mode Rollback -Window 40ms -Epoch 20ms
        $handle.Id | Should -BeGreaterThan 0
        $handle.DomainName | Should -Be 'handle'
        $handle.Source | Should -Be 'job1'
        $handle.Destination | Should -Be 'job2'
        "$($handle.Method) $($handle.Mode)" | Should -Be 'PreRecord Rollback'
        $result = $handle | Wait-Migration
        $result.DomainName | Should -Be 'handle'
        $result.Destination | Should -Be 'job2'
        $after = Get-Migration -Id $handle.Id
        "$($after.State)" | Should -Be 'Completed'
        $after.Result.BytesSent | Should -Be $result.BytesSent
        $after.PagesDone | Should -Be $after.PagesTotal
        $after.Error | Should -BeNullOrEmpty
    }

    It 'takes a recording from the pipeline, with what was decided about it' {
        New-Worker decided
        $result = Get-MigrationDomain decided | Start-PreRecord -Mode Rollback -Window 40ms -Epoch 20ms | Set-PageOrder -Strategy Sequential |
            Enable-RemotePF -Destination job2 | Start-Migration | Wait-Migration
        $result.DomainName | Should -Be 'decided'
        $result.RollbackProof.IsProved | Should -BeTrue
    }

    It 'starts nothing with -WhatIf, and says what it would run into' {
        New-Worker still
        (Start-Migration still job2 -WhatIf).DomainName | Should -Be 'still'
        Get-Migration still* | Should -BeNullOrEmpty
        "$((Get-MigrationDomain still -HostName job1).State)" | Should -Be 'Running'
        Start-Migration nothere job2 -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DomainNotFound,PreRecordMigration.Cmdlets.StartMigrationCommand'
    }

    It 'takes a handle as an argument, as from the pipeline' {
        New-Worker argued
        $handle = Start-Migration argued job2 -Method PostCopy
        (Wait-Migration $handle).Name | Should -Be 'argued'
        (Get-Migration $handle).Id | Should -Be $handle.Id
        Stop-Migration $handle -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^MigrationNotStoppable,'
    }

    It 'gives several domains a handle each, which Wait-Migration waits for together' {
        New-Worker many1, many2, many3
        $handles = @(Get-MigrationDomain many* -HostName job1 | Start-Migration -Destination job2 -Method PostCopy)
        $handles.Count | Should -Be 3
        $results = @($handles | Wait-Migration)
        $names = [string[]] $results.DomainName
        [Array]::Sort($names)
        $names -join ',' | Should -Be 'many1,many2,many3'
    }

    It 'keeps the error of a migration that failed, for whoever waits' {
        $null = New-SimulatedDomain stubborn -HostName job1 -Memory 4MB -Workload Idle -RefuseSuspend
        $handle = Start-Migration stubborn job2 -Method PostCopy -SuspendTimeout 200ms
        $handle | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SuspendTimeout,PreRecordMigration.Cmdlets.WaitMigrationCommand'
        $failed[0].TargetObject | Should -Be 'stubborn'
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $after = Get-Migration -Id $handle.Id
        "$($after.State)" | Should -Be 'Failed'
        $after.Error | Should -Match 'did not suspend'
    }
}

Describe 'Migrations from another runspace' {
    It 'are found, waited for and stopped there' {
        New-Worker afar '16MB'
        $handle = Start-Migration afar job2 -Method PreCopy -BandwidthLimit 256KB
        $there = Invoke-Elsewhere "Get-Migration afar | Stop-Migration"
        $there.Errors.Count | Should -Be 0
        $there.Output[0].Id | Should -Be $handle.Id
        "$($there.Output[0].State)" | Should -Be 'Stopped'
        $there.Output[0].Error | Should -Match "'afar' runs on at 'job1'"
        "$((Get-MigrationDomain afar -HostName job1).State)" | Should -Be 'Running'
    }

    It 'go on when the runspace that started them has gone' {
        New-Worker orphan
        $there = Invoke-Elsewhere 'Start-Migration orphan job2 -Method PostCopy'
        $result = Wait-Migration -Id $there.Output[0].Id
        "$((Get-Migration -Id $there.Output[0].Id).State)" | Should -Be 'Completed'
        "$((Get-MigrationDomain orphan -HostName job2).State)" | Should -Be 'Running'
    }
}

Describe 'Get-Migration' {
    It 'says so where there is none: <Case>' -ForEach @(
        @{ Case = 'a number'; Arguments = @{ Id = 999999 } }
        @{ Case = 'a name'; Arguments = @{ Name = 'nobody' } }
    ) {
        Get-Migration @Arguments -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotFound,PreRecordMigration.Cmdlets.GetMigrationCommand'
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'ObjectNotFound'
    }

    It 'takes wildcards, and finds nothing without an error' {
        Get-Migration nobody* | Should -BeNullOrEmpty
    }

    It 'completes the names of domains that moved' {
        $line = 'Get-Migration hand'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        $found.CompletionText | Should -Contain 'handle'
    }
}

Describe 'Wait-Migration' {
    It 'gives up after its time, and the migration goes on' {
        New-Worker slow '16MB'
        $handle = Start-Migration slow job2 -Method PreCopy -BandwidthLimit 256KB
        $handle | Wait-Migration -Timeout 100ms -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'WaitTimeout,PreRecordMigration.Cmdlets.WaitMigrationCommand'
        "$((Get-Migration -Id $handle.Id).State)" | Should -Be 'Running'
        { Disconnect-MigrationHost job1 -ErrorAction Stop } | Should -Throw -ErrorId 'HostBusy,PreRecordMigration.Cmdlets.DisconnectMigrationHostCommand'
        $null = $handle | Stop-Migration
    }

    It 'polls with a time of zero: what is under way is returned as it stands' {
        New-Worker polled '16MB'
        $handle = Start-Migration polled job2 -Method PreCopy -BandwidthLimit 256KB
        $polled = $handle | Wait-Migration -Timeout 0s -ErrorAction Stop
        $polled.Id | Should -Be $handle.Id
        "$($polled.State)" | Should -Be 'Running'
        $null = $handle | Stop-Migration
        $handle | Wait-Migration -Timeout 0s -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^MigrationStopped,'
    }

    It 'refuses a time below zero' {
        { Wait-Migration -Timeout '-1s' } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.WaitMigrationCommand'
    }

    It 'returns at once where nothing is under way' {
        Wait-Migration | Should -BeNullOrEmpty
    }
}

Describe 'Stop-Migration' {
    It 'stops nothing with -WhatIf' {
        New-Worker goes '16MB'
        $handle = Start-Migration goes job2 -Method PreCopy -BandwidthLimit 256KB
        $handle | Stop-Migration -WhatIf
        "$((Get-Migration -Id $handle.Id).State)" | Should -Be 'Running'
        $stopped = $handle | Stop-Migration
        "$($stopped.State)" | Should -Be 'Stopped'
        Get-MigrationDomain goes* -HostName job2 | Should -BeNullOrEmpty
    }

    It 'refuses one that has ended' {
        $ended = @(Get-Migration)[0]
        $ended | Stop-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotStoppable,PreRecordMigration.Cmdlets.StopMigrationCommand'
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'InvalidOperation'
    }
}

Describe 'Invoke-PreRecordMigration -ThrottleLimit' {
    It 'moves several domains at once, and all of them' {
        New-Worker wide1, wide2, wide3
        $results = @(Get-MigrationDomain wide* -HostName job1 | Invoke-PreRecordMigration -Destination job2 -Method PostCopy -ThrottleLimit 2)
        $results.Count | Should -Be 3
        @(Get-MigrationDomain wide* -HostName job2).Count | Should -Be 3
    }

    It 'shows one bar a domain and one over all, and completes each' {
        New-Worker bars1, bars2
        $there = Invoke-Elsewhere 'Get-MigrationDomain bars* -HostName job1 | Invoke-PreRecordMigration -Destination job2 -Method PostCopy -ThrottleLimit 2'
        $there.Errors.Count | Should -Be 0
        $records = $there.Progress
        $overall = @($records).Where({ $_.Activity -eq 'Moving domains' })
        $overall.Count | Should -BeGreaterThan 1
        $ids = [System.Collections.Generic.HashSet[int]]::new([int[]] $records.ActivityId)
        $ids.Count | Should -Be 3
        foreach ($id in $ids) {
            "$(@($records).Where({ $_.ActivityId -eq $id })[-1].RecordType)" | Should -Be 'Completed'
        }
    }

    It 'moves no bar more often than five times a second' {
        New-Worker paced
        $time = [System.Diagnostics.Stopwatch]::StartNew()
        $there = Invoke-Elsewhere 'Invoke-PreRecordMigration paced -HostName job1 -Destination job2 -Window 200ms -Epoch 20ms -BandwidthLimit 8MB'
        $most = [Math]::Ceiling($time.Elapsed.TotalSeconds * 5) + 2
        $there.Errors.Count | Should -Be 0
        $there.Progress.Where({ $_.Activity -match "'paced'" }).Count | Should -BeGreaterThan 2
        $there.Progress.Where({ $_.Activity -match "'paced'" }).Count | Should -BeLessOrEqual $most
    }

    It 'refuses <_> at once' -ForEach 0, 65 {
        { Invoke-PreRecordMigration wide1 job2 -ThrottleLimit $_ } | Should -Throw -ErrorId 'ParameterArgumentValidationError,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }
}

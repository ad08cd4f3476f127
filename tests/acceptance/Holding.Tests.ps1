# Held recordings: what becomes of them where nobody takes them over, who holds them, and how they are let go.

BeforeAll {
    $null = New-SimulatedHost hold1, hold2
    $null = New-SimulatedHost tiny -Memory 1MB
    $null = New-SimulatedDomain held, 'held too', 'other' -HostName hold1 -Memory 8MB -OperationsPerSecond 20000
    $recording = @{ Mode = 'Rollback'; Window = '20ms'; Epoch = '20ms' }
    function Get-States { (Get-MigrationDomain -HostName hold1).State -join ',' }
}

AfterAll {
    Disconnect-MigrationHost hold1, hold2, tiny
}

Describe 'A recording that nobody takes over' {
    AfterEach {
        Get-PreRecord held*, other* | Stop-PreRecord
    }

    It 'is let go where its move is refused: <Command>' -ForEach @(
        @{ Command = 'Invoke-PreRecordMigration -Destination tiny'; Id = 'OutOfMemory' }
        @{ Command = 'Start-Migration -Destination tiny'; Id = 'OutOfMemory' }
        @{ Command = 'Invoke-PreRecordMigration -Destination hold2 -MaximumExposure 1ms -BandwidthLimit 1MB/s'; Id = 'ExposureTooLong' }
        @{ Command = 'Invoke-PreRecordMigration'; Id = 'DestinationMissing' }
        @{ Command = 'Invoke-PreRecordMigration -Destination hold2 -Method PostCopy'; Id = 'OptionDecided' }
        @{ Command = 'Set-PageOrder -Strategy Sequential, IssDbscan'; Id = 'InvalidOption' }
    ) {
        Start-PreRecord held @recording | & ([scriptblock]::Create("`$input | $Command -ErrorAction SilentlyContinue -ErrorVariable script:refused -WarningAction SilentlyContinue -WarningVariable script:warned"))
        $refused[0].FullyQualifiedErrorId | Should -Match "^$Id,"
        "$warned" | Should -Match "'held' was let go"
        Get-PreRecord held* | Should -BeNullOrEmpty
        Get-States | Should -Be 'Running,Running,Running'
        Start-PreRecord held @recording | Stop-PreRecord
    }

    It 'is let go where the move is refused later on, too' {
        $recorded = Start-PreRecord held @recording
        $recorded | Invoke-PreRecordMigration -Destination tiny -ErrorAction SilentlyContinue -ErrorVariable refused -WarningAction SilentlyContinue
        $refused[0].FullyQualifiedErrorId | Should -Match '^OutOfMemory,'
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'stays with whoever has it in hand where only an argument was wrong' {
        $recorded = Start-PreRecord held @recording
        $recorded | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^DestinationMissing,'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match 'stays held until .*Stop-PreRecord held'
        (Get-PreRecord held).Id | Should -Be $recorded.Id
    }

    It 'stays with whoever has it in hand with -WhatIf, whatever that finds' {
        $recorded = Start-PreRecord held @recording
        $recorded | Invoke-PreRecordMigration -Destination tiny -WhatIf -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused[0].FullyQualifiedErrorId | Should -Match '^OutOfMemory,'
        (Get-PreRecord held).Id | Should -Be $recorded.Id
    }

    It 'is let go where it was recorded only to see what a move would be' {
        $report = Start-PreRecord held @recording | Invoke-PreRecordMigration -Destination hold2 -WhatIf -WarningAction SilentlyContinue
        $report.Name | Should -Be 'held'
        Get-PreRecord held* | Should -BeNullOrEmpty
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'is let go where <Case>' -ForEach @(
        @{ Case = 'a command downstream throws'; Command = { Start-PreRecord held, other @recording | ForEach-Object { if ($_.Name -eq 'other') { throw 'downstream' } } } }
        @{ Case = 'a later input ends the command'; Command = { Start-PreRecord held, nothere @recording -ErrorAction Stop } }
    ) {
        { & $Command } | Should -Throw
        Get-PreRecord held*, other* | Should -BeNullOrEmpty
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'stays where the pipeline has enough of it: it was handed on' {
        $first = Get-MigrationDomain held*, other -HostName hold1 | Start-PreRecord @recording | Select-Object -First 1
        $first.Name | Should -Be 'held'
        (Get-PreRecord).Name | Should -Be 'held'
        ($first | Invoke-PreRecordMigration -Destination hold2).Name | Should -Be 'held'
        $null = Invoke-PreRecordMigration held -HostName hold2 -Destination hold1 -Method PostCopy
    }
}

Describe 'A recording that is exported' {
    BeforeAll {
        function Get-Place { [System.IO.Path]::Combine($TestDrive, "$([guid]::NewGuid()).prerecord") }
    }

    AfterEach {
        Get-PreRecord held*, other* | Stop-PreRecord
    }

    It 'is let go where nobody has it but its pipeline, and that is said' {
        $said = Start-PreRecord held, other @recording | Export-PreRecord -Path { Get-Place } -Verbose 4>&1
        @($said).Where({ $_ -is [System.IO.FileInfo] }).Count | Should -Be 2
        "$said" | Should -Match "'held' runs on: its recording is in the file"
        Get-PreRecord held*, other* | Should -BeNullOrEmpty
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'goes on with -PassThru, to be moved' {
        $file = Get-Place
        (Start-PreRecord held @recording | Export-PreRecord $file -PassThru | Invoke-PreRecordMigration -Destination hold2).Name | Should -Be 'held'
        (Import-PreRecord $file).Name | Should -Be 'held'
        $null = Invoke-PreRecordMigration held -HostName hold2 -Destination hold1 -Method PostCopy
    }

    It 'stays with whoever has it, and until when is said: <Case>' -ForEach @(
        @{ Case = 'in hand'; Command = { $recorded = Start-PreRecord held @recording; $recorded | Export-PreRecord (Get-Place) -Verbose 4>&1 } }
        @{ Case = 'by -OutVariable'; Command = { Start-PreRecord held @recording -OutVariable kept | Export-PreRecord (Get-Place) -Verbose 4>&1 } }
        @{ Case = 'by -PipelineVariable'; Command = { Start-PreRecord held @recording -PipelineVariable kept | Export-PreRecord (Get-Place) -Verbose 4>&1 } }
        @{ Case = 'listed'; Command = { $null = Start-PreRecord held @recording; Get-PreRecord held | Export-PreRecord (Get-Place) -Verbose 4>&1 } }
    ) {
        "$(& $Command)" | Should -Match "The recording of 'held' stays held until [0-9:]+: Stop-PreRecord held lets the domain go"
        (Get-PreRecord held).Name | Should -Be 'held'
    }

    It 'is not made where its file cannot be: <Case>' -ForEach @(
        @{ Case = 'no folder'; Path = '/nowhere/x.prerecord'; Id = 'FileNotFound' }
        @{ Case = 'a device'; Path = '/dev/null'; Id = 'FileNotRegular' }
        @{ Case = 'a file that is there'; Path = "$PSScriptRoot/Holding.Tests.ps1"; Id = 'FileExists' }
        @{ Case = 'a folder'; Path = '/tmp'; Id = 'FileIsFolder' }
    ) {
        $steps = [System.Collections.Generic.List[string]]::new()
        { Start-PreRecord held @recording -Verbose 4>&1 | ForEach-Object { $steps.Add("$_") } | Export-PreRecord -LiteralPath $Path } |
            Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.ExportPreRecordCommand"
        $steps.Count | Should -Be 0
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'is let go where only its own file cannot be' {
        Start-PreRecord held, other @recording | Export-PreRecord -Path { $_.Name -eq 'held' ? '/nowhere/x.prerecord' : (Get-Place) } -ErrorAction SilentlyContinue -ErrorVariable failed -WarningAction SilentlyContinue -WarningVariable warned |
            Should -HaveCount 1
        $failed[0].FullyQualifiedErrorId | Should -Match '^FileNotFound,'
        "$warned" | Should -Match "'held' was let go"
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'stays with whoever has it in hand where its file cannot be, and the error says until when' {
        $recorded = Start-PreRecord held @recording
        $recorded | Export-PreRecord /nowhere/x.prerecord -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^FileNotFound,'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match "folder is there.*The recording of 'held' stays held until [0-9:]+.*Stop-PreRecord held"
        (Get-PreRecord held).Id | Should -Be $recorded.Id
    }
}

Describe 'A domain that is held' {
    AfterEach {
        Get-PreRecord held*, other* | Stop-PreRecord
    }

    It 'is what -WhatIf would run into: <Command>' -ForEach @(
        @{ Command = 'Invoke-PreRecordMigration held hold2 -WhatIf' }
        @{ Command = 'Start-Migration held hold2 -Method PostCopy -WhatIf' }
        @{ Command = 'Start-PreRecord held -WhatIf' }
    ) {
        $null = Start-PreRecord held @recording
        & ([scriptblock]::Create("$Command -ErrorAction SilentlyContinue -ErrorVariable script:refused")) | Should -BeNullOrEmpty
        $refused[0].FullyQualifiedErrorId | Should -Match '^DomainBusy,'
        $refused[0].ErrorDetails.RecommendedAction | Should -Match "A recording of 'held' is held until [0-9:]+ \(process $PID.*Stop-PreRecord held"
    }

    It 'is no obstacle to its own recording' {
        $report = Start-PreRecord held @recording -OutVariable kept | Invoke-PreRecordMigration -Destination hold2 -WhatIf
        $report.Name | Should -Be 'held'
        (Get-PreRecord held).Name | Should -Be 'held'
    }

    It 'is an incompatibility to Test-Migration' {
        $null = Start-PreRecord held @recording
        $report = Test-Migration held hold2 -Window 20ms -Epoch 20ms
        $report.Incompatibilities[0].ErrorId | Should -Be 'DomainBusy'
        $report.Recommendation | Should -BeNullOrEmpty
    }

    It 'by a migration is said too, with what to do about it' {
        $moving = Start-Migration held hold2 -Window 10min -Epoch 20ms
        try {
            while ("$((Get-Migration -Id $moving.Id).Phase)" -ne 'Record') {
                $null = [System.Threading.Thread]::Yield()
            }

            Start-PreRecord held -WhatIf -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused[0].ErrorDetails.RecommendedAction | Should -Match "Migration $($moving.Id) moves 'held' to 'hold2': .*Stop-Migration -Id $($moving.Id)"
            Get-PreRecord held -ErrorAction SilentlyContinue -ErrorVariable refused
            $refused[0].FullyQualifiedErrorId | Should -Match '^RecordingOfDomainNotFound,'
            $refused[0].Exception.Message | Should -Match 'holds no recording of .held.*recording or migration works on .held'
            $refused[0].ErrorDetails.RecommendedAction | Should -Match "Stop-Migration -Id $($moving.Id)"
        }
        finally {
            $null = Stop-Migration -Id $moving.Id
        }
    }
}

Describe 'Get-PreRecord' {
    AfterEach {
        Get-PreRecord held*, other* | Stop-PreRecord
    }

    It 'lists what is held, by whom, what that does to the domain, and until when' {
        $before = [DateTimeOffset]::Now
        $null = Start-PreRecord held @recording -HoldTime 10min
        $null = Start-PreRecord other -Mode Observe -Window 20ms -Epoch 20ms
        $all = @(Get-PreRecord)
        $all.Where({ $_.Name -eq 'held' })[0].State | Should -Be 'HoldsPaused'
        $all.Where({ $_.Name -eq 'other' })[0].State | Should -Be 'HoldsRunning'
        $held = Get-PreRecord held
        $held.Holder | Should -Match "^process $PID, runspace \d+: .*Start-PreRecord held"
        $held.HeldUntil | Should -BeGreaterThan ($before + [TimeSpan]::FromMinutes(10))
    }

    It 'is a way to move what is held' {
        $null = Start-PreRecord held @recording
        $result = Get-PreRecord held | Invoke-PreRecordMigration -Destination hold2
        $result.RollbackProof.IsProved | Should -BeTrue
        Get-PreRecord | Should -BeNullOrEmpty
        $null = Invoke-PreRecordMigration held -HostName hold2 -Destination hold1 -Method PostCopy
    }

    It 'takes names, patterns, and domains from the pipeline' {
        $null = Start-PreRecord 'held', 'held too' @recording
        (Get-PreRecord held*).Name | Sort-Object | Should -Be 'held', 'held too'
        (Get-PreRecord held).Name | Should -Be 'held'
        (Get-MigrationDomain 'held too' | Get-PreRecord).Name | Should -Be 'held too'
        ('held' | Get-PreRecord).Name | Should -Be 'held'
    }

    It 'says so where nothing of that name is held' {
        Get-PreRecord nobody -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingOfDomainNotFound,PreRecordMigration.Cmdlets.GetPreRecordCommand'
        $failed[0].TargetObject | Should -Be 'nobody'
        Get-PreRecord nobody* | Should -BeNullOrEmpty
    }

    It 'is what the error says about a domain that is busy with it' {
        $null = Start-PreRecord held @recording
        Invoke-PreRecordMigration held hold2 -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^DomainBusy,'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match "process $PID.*Get-PreRecord.*Stop-PreRecord held"
    }
}

Describe 'Stop-PreRecord' {
    AfterEach {
        Get-PreRecord held*, other* | Stop-PreRecord
    }

    It 'lets go by name' {
        $null = Start-PreRecord 'held', 'held too' @recording
        Stop-PreRecord held
        Get-States | Should -Be 'Running,Paused,Running'
        (Stop-PreRecord -Name 'held*' -PassThru).Name | Should -Be 'held too'
        Get-States | Should -Be 'Running,Running,Running'
        Stop-PreRecord held -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'RecordingOfDomainNotFound,PreRecordMigration.Cmdlets.StopPreRecordCommand'
    }

    It 'lets go by handle, whoever has it' {
        $recorded = Start-PreRecord held @recording
        Stop-PreRecord $recorded
        $null = Start-PreRecord held @recording
        Get-PreRecord held | Stop-PreRecord
        $null = Start-PreRecord held @recording
        Get-MigrationDomain held | Stop-PreRecord
        Get-States | Should -Be 'Running,Running,Running'
    }

    It 'leaves it with -WhatIf' {
        $null = Start-PreRecord held @recording
        Stop-PreRecord held -WhatIf
        (Get-PreRecord held).Name | Should -Be 'held'
    }

    It 'completes the names of what is held' {
        $null = Start-PreRecord 'held too' @recording
        $line = 'Stop-PreRecord hel'
        [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches.CompletionText | Should -Be "'held too'"
    }
}

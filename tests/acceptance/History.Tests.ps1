# How migrations ended, whatever process they were in: what Get-Migration -History shows.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $kept = $env:PRERECORD_STATE_DIRECTORY
    $null = New-SimulatedHost past1, past2, past3 -Memory 128MB
    $null = Start-MigrationReceiver past2

    # Each test has a history of its own.
    function New-History {
        $env:PRERECORD_STATE_DIRECTORY = [System.IO.Path]::Combine($TestDrive, [guid]::NewGuid().ToString('N'))
        [System.IO.Path]::Combine($env:PRERECORD_STATE_DIRECTORY, 'history.jsonl')
    }

    function New-Domain([string[]] $name) { New-SimulatedDomain $name -HostName past1 -Memory 4MB -Workload Idle }
}

AfterAll {
    $env:PRERECORD_STATE_DIRECTORY = $kept
    Stop-MigrationReceiver past2 -Force -Confirm:$false
    Disconnect-MigrationHost past1, past2, past3
}

Describe 'The history' {
    It 'has every end, of either side and of other processes, newest last' {
        $null = New-History
        Get-Migration -History | Should -BeNullOrEmpty
        $null = New-Domain past-a, past-b
        $result = Invoke-PreRecordMigration past-a past2 -Method PostCopy
        (Get-SimulatedHost past2).Faults.Fail('Restore', 1)
        Invoke-PreRecordMigration past-b past2 -Method PreCopy -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed.Count | Should -Be 1
        $script = [System.IO.Path]::Combine($TestDrive, 'elsewhere.ps1')
        [System.IO.File]::WriteAllText($script, @'
Import-Module PreRecordMigration
$null = New-SimulatedHost other1, other2
$null = New-SimulatedDomain past-c -HostName other1 -Memory 4MB -Workload Idle
$null = Invoke-PreRecordMigration past-c other2 -Method PostCopy
(Get-Migration -History).Count
'@)
        $there = Invoke-Fresh $script
        $there.Errors | Should -BeNullOrEmpty

        # The receiver of this process says its part when its thread has ended.
        $null = Wait-MigrationReceiver past2
        $all = @(Get-Migration -History)
        $there.Output.Trim() | Should -Be $all.Count
        $all[-1].Name | Should -Be 'past-c'
        $all.ForEach({ "$($_.Name) $($_.Side) $($_.Fate)" }) | Sort-Object | Should -Be @(
            'past-a Destination Moved', 'past-a Source Moved', 'past-b Destination NeverRan', 'past-b Source RanOn', 'past-c Source Moved')
        $moved = $all.Where({ $_.Name -eq 'past-a' -and $_.Side -eq 'Source' })[0]
        $moved | Should -BeOfType ([PreRecordMigration.History.HistoryEntry])
        $moved.TotalTime | Should -BeOfType ([TimeSpan])
        [Math]::Abs(($moved.Downtime - $result.Downtime).TotalMilliseconds) | Should -BeLessThan 0.01
        $moved.HostName | Should -Be 'past2'
        $moved.BytesSent | Should -Be $result.BytesSent
        $moved.Error | Should -BeNullOrEmpty
        $stayed = $all.Where({ $_.Name -eq 'past-b' -and $_.Side -eq 'Source' })[0]
        $stayed.HostName | Should -Be 'past1'
        $stayed.Error | Should -Be $failed[0].Exception.Message
    }

    It 'is chosen from by name, number and time' {
        $null = New-History
        $null = New-Domain past-d, past-e
        $null = Invoke-PreRecordMigration past-d past3 -Method PostCopy
        $between = [DateTime]::Now
        $null = Invoke-PreRecordMigration past-e past3 -Method PostCopy
        (Get-Migration past-* -History).Name | Should -Be 'past-d', 'past-e'
        (Get-Migration -History -Last 1).Name | Should -Be 'past-e'
        ('past-d', 'past-e' | Get-Migration -History -Last 1).Name | Should -Be 'past-d', 'past-e'
        (Get-MigrationDomain past-d | Get-Migration -History).Name | Should -Be 'past-d'
        (Get-Migration -History -After $between).Name | Should -Be 'past-e'
        (Get-Migration -History -After $between.ToUniversalTime()).Name | Should -Be 'past-e'
        Get-Migration -History -After ([DateTime]::Now.AddDays(1)) | Should -BeNullOrEmpty
        Get-Migration nothing* -History | Should -BeNullOrEmpty
        Get-Migration past-x -History -ErrorAction SilentlyContinue -ErrorVariable none
        $none.FullyQualifiedErrorId | Should -BeLike 'NotInHistory,*'
        $completed = TabExpansion2 'Get-Migration -History past-' -cursorColumn 28
        $completed.CompletionMatches.CompletionText | Should -Be 'past-d', 'past-e'
    }

    It 'has to be asked for: -<_>' -ForEach 'Last', 'After' {
        $arguments = @{ $_ = $_ -eq 'Last' ? 1 : [DateTime]::Now }
        { Get-Migration @arguments -ErrorAction Stop } | Should -Throw -ErrorId 'OnlyOfHistory,*'
    }

    It 'is left out and counted where a line is torn' {
        $file = New-History
        $null = New-Domain past-f, past-g
        $null = Invoke-PreRecordMigration past-f past3 -Method PostCopy
        [System.IO.File]::AppendAllText($file, '{"Schema":1,"Time":"2026-')
        $null = Invoke-PreRecordMigration past-g past3 -Method PostCopy
        (Get-Migration -History -WarningVariable torn -WarningAction SilentlyContinue).Name | Should -Be 'past-f', 'past-g'
        $torn | Should -Match '^1 lines of the history'
    }

    It 'gets what two processes write at once, and nothing twice' {
        $null = New-History
        $script = [System.IO.Path]::Combine($TestDrive, 'both.ps1')
        [System.IO.File]::WriteAllText($script, @'
Import-Module PreRecordMigration
$mine = $PID
$null = New-SimulatedHost "a$mine", "b$mine"
$names = (1..10).ForEach({ "p$mine-$_" })
$null = New-SimulatedDomain $names -HostName "a$mine" -Memory 4MB -Workload Idle
'ready'
$null = [Console]::In.ReadLine()
$null = Invoke-PreRecordMigration $names "b$mine" -Method PostCopy -ThrottleLimit 5
$mine
'@)
        $processes = (1..2).ForEach({ [System.Diagnostics.Process]::Start((New-FreshStart $script)) })
        $processes.ForEach({ $_.StandardOutput.ReadLine() }) | Should -Be 'ready', 'ready'
        $processes.ForEach({ $_.StandardInput.WriteLine() })
        $ids = $processes.ForEach({ $_.StandardOutput.ReadLine() })
        $processes.ForEach({ $_.WaitForExit(); $_.ExitCode; $_.Dispose() }) | Should -Be 0, 0
        $entries = @(Get-Migration -History -WarningVariable unread)
        $unread | Should -BeNullOrEmpty
        $expected = $ids.ForEach({ $id = $_; (1..10).ForEach({ "p$id-$_" }) })
        ($entries.Name | Sort-Object) | Should -Be ($expected | Sort-Object)
    }

    It 'warns and moves all the same where its folder cannot be written: <Case>' -ForEach @(
        @{ Case = 'a file is in the way'; Spoil = { param($folder) [System.IO.File]::WriteAllText($folder, '') } }
        @{ Case = 'others may write it'; Spoil = {
                param($folder)
                $null = [System.IO.Directory]::CreateDirectory($folder)
                [System.IO.File]::SetUnixFileMode($folder, [System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute, OtherWrite, OtherExecute')
            }
        }
        @{ Case = 'no absolute path'; Spoil = { $env:PRERECORD_STATE_DIRECTORY = 'some/where' } }
        @{ Case = 'a link leads elsewhere'; Spoil = {
                param($folder)
                $null = [System.IO.Directory]::CreateDirectory($folder)
                $null = [System.IO.File]::CreateSymbolicLink([System.IO.Path]::Combine($folder, 'history.jsonl'), '/dev/full')
            }
        }
    ) {
        $null = New-History
        & $Spoil $env:PRERECORD_STATE_DIRECTORY
        $null = New-Domain "past-$Case"
        $result = Invoke-PreRecordMigration "past-$Case" past3 -Method PostCopy -WarningVariable said -WarningAction SilentlyContinue -ErrorVariable failed
        $failed | Should -BeNullOrEmpty
        $result.Destination | Should -Be 'past3'
        $said.Count | Should -Be 1
        $said[0] | Should -Match "^How the migration of 'past-$Case' ended is not in the history"
    }

    It 'begins another file at the size that is set, and keeps as many as are set' {
        $file = New-History
        Set-MigrationConfiguration HistoryFileSize 64KB
        Set-MigrationConfiguration HistoryFiles 1
        try {
            $null = [System.IO.Directory]::CreateDirectory($env:PRERECORD_STATE_DIRECTORY, [System.IO.UnixFileMode] 'UserRead, UserWrite, UserExecute')
            foreach ($name in 'past-i', 'past-j') {
                # As long as a file may get: the next one begins another.
                [System.IO.File]::AppendAllText($file, ('{}' + ' ' * 998 + "`n") * 66)
                [System.IO.File]::SetUnixFileMode($file, [System.IO.UnixFileMode] 'UserRead, UserWrite')
                $null = New-Domain $name
                $null = Invoke-PreRecordMigration $name past3 -Method PostCopy
            }

            [System.IO.Directory]::GetFiles($env:PRERECORD_STATE_DIRECTORY).ForEach({ [System.IO.Path]::GetFileName($_) }) | Sort-Object |
                Should -Be 'history.jsonl', 'history.jsonl.1', 'history.lock'
            (Get-Migration -History -WarningAction SilentlyContinue).Name | Should -Be 'past-i', 'past-j'
        }
        finally {
            Set-MigrationConfiguration HistoryFileSize -Clear
            Set-MigrationConfiguration HistoryFiles -Clear
        }
    }

    It 'is in a table and a list, and is refused where others may write it' {
        $file = New-History
        $null = New-Domain past-k
        $null = Invoke-PreRecordMigration past-k past3 -Method PostCopy
        Get-Migration -History | Out-String -Width 79 | Should -Match 'past-k +Source +Moved +past3'
        Get-Migration -History | Format-List | Out-String | Should -Match '(?m)^Fate +: Moved'
        [System.IO.File]::SetUnixFileMode($file, [System.IO.UnixFileMode] 'UserRead, UserWrite, GroupWrite')
        { Get-Migration -History -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotTrusted,*'
    }
}

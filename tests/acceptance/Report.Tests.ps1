# Reports: what Export-MigrationReport writes of what the other cmdlets return. tests/reports looks at the pages in a browser.

BeforeDiscovery {
    $inputs = @(
        @{ Case = 'a result'; Get = { $result }; Says = 'What .* of downtime went into' }
        @{ Case = 'a migration that is completed'; Get = { Get-Migration -Id $result.Id }; Says = 'What .* of downtime went into' }
        @{ Case = 'a migration that failed'; Get = { $failed }; Says = 'Migrations that are not completed.*Restore' }
        @{ Case = 'a report'; Get = { Test-Migration stays report2 -Window 40ms -Epoch 20ms }; Says = 'What each method would cost' }
        @{ Case = 'a report of what stands against a move'; Get = { Test-Migration stays report3 -Window 40ms -Epoch 20ms }; Says = 'Incompatibilities and their remedies' }
        @{ Case = 'measures of page orders'; Get = { $recorded | Measure-PageOrder }; Says = 'Page orders on the recording stays' }
        @{ Case = 'the history'; Get = { Get-Migration -History }; Says = 'Ends of migrations, the newest last' }
    )
    $refused = @(
        @{ Case = 'a file that is there'; Write = { $result | Export-MigrationReport (Get-Place 'there.html') -ErrorAction Stop }; Id = 'FileExists' }
        @{ Case = 'a folder that is not'; Write = { $result | Export-MigrationReport (Get-Place 'no/where.html') -ErrorAction Stop }; Id = 'FileNotFound' }
        @{ Case = 'something else'; Write = { 5 | Export-MigrationReport (Get-Place 'five.html') -ErrorAction Stop }; Id = 'ReportOfOther' }
        @{ Case = 'several kinds as a table'; Write = { $result, (Get-Migration -History)[0] | Export-MigrationReport (Get-Place 'mixed.csv') -ErrorAction Stop }; Id = 'ReportMixed' }
        @{ Case = 'a migration under way'; Write = { $moving | Export-MigrationReport (Get-Place 'moving.html') -ErrorAction Stop }; Id = 'ReportUnderWay' }
    )
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $kept = $env:PRERECORD_STATE_DIRECTORY
    $env:PRERECORD_STATE_DIRECTORY = [System.IO.Path]::Combine($TestDrive, 'state')
    $null = New-SimulatedHost report1, report2
    $null = New-SimulatedHost report3 -Without RemotePF, Recording
    $hostile = '=1+1<script>alert(1)</script>&"'
    $null = New-SimulatedDomain $hostile, fails, stays, slow -HostName report1 -Memory 8MB -OperationsPerSecond 20000
    $result = Invoke-PreRecordMigration -Name $hostile -Destination report2 -Method PreRecord -Mode Rollback -Window 60ms -Epoch 20ms
    (Get-SimulatedHost report2).Faults.Fail('Restore', 1)
    $failed = Start-Migration fails report2 -Method PreCopy
    $null = $failed | Wait-Migration -ErrorAction SilentlyContinue
    $failed = Get-Migration -Id $failed.Id
    $recorded = Start-PreRecord stays -Mode Observe -Window 60ms -Epoch 20ms
    $recorded | Stop-PreRecord
    $moving = Start-Migration slow report2 -Method PreCopy -BandwidthLimit 64KB/s
    function Get-Place([string] $name) { [System.IO.Path]::Combine($TestDrive, $name) }
    $null = $result | Export-MigrationReport (Get-Place 'there.html')
}

AfterAll {
    $moving | Stop-Migration -Confirm:$false
    $null = $moving | Wait-Migration -ErrorAction SilentlyContinue
    Disconnect-MigrationHost report1, report2, report3
    $env:PRERECORD_STATE_DIRECTORY = $kept
}

Describe 'A report' {
    It 'is a page of a move that loads nothing' {
        $file = $result | Export-MigrationReport (Get-Place 'move.html')
        $file | Should -BeOfType ([System.IO.FileInfo])
        $text = [System.IO.File]::ReadAllText($file)
        $text | Should -Match '^<!DOCTYPE html>\n<html lang="en">'
        $text | Should -Match "default-src 'none'; style-src 'sha256-"
        $text | Should -Not -Match '<script|<link|<img|src=|url\('
        $text.Contains('=1+1&lt;script&gt;alert(1)&lt;/script&gt;&amp;"') | Should -BeTrue
        $file.Length | Should -BeLessThan 1MB
    }

    It 'is of whatever is piped in: <Case>' -ForEach $inputs {
        $file = & $Get | Export-MigrationReport (Get-Place "$([guid]::NewGuid().ToString('N')).html")
        [regex]::IsMatch([System.IO.File]::ReadAllText($file), $Says, 'Singleline') | Should -BeTrue
    }

    It 'has several kinds beside each other, and -InputObject takes them too' {
        $file = Export-MigrationReport (Get-Place 'all.json') -InputObject $result, $failed, (Test-Migration stays report2 -Window 40ms -Epoch 20ms)
        $report = Get-Content -Raw $file | ConvertFrom-Json -AsHashtable
        $report.Format, $report.Version | Should -Be 'prerecord-migration-report', 1
        $report.Moves.Count, $report.Unfinished.Count, $report.Estimates.Count, $report.Orders.Count | Should -Be 1, 1, 1, 0
        $report.Moves[0].Name | Should -BeExactly $hostile
        [Math]::Abs($report.Moves[0].Downtime - $result.Downtime.TotalSeconds) | Should -BeLessThan 1e-6
    }

    It 'is a table whose texts are no formulas' {
        $row = $result | Export-MigrationReport (Get-Place 'move.csv') | Import-Csv
        $row.Name | Should -BeExactly "'$hostile"
        $row.Method, $row.Mode | Should -Be 'PreRecord', 'Rollback'
        [double]::Parse($row.'DowntimeParts.Prove', [cultureinfo]::InvariantCulture) | Should -BeGreaterOrEqual 0
        $rows = Test-Migration stays report2 -Window 40ms -Epoch 20ms | Export-MigrationReport (Get-Place 'estimates.csv') | Import-Csv
        $rows.Count | Should -Be 5
    }

    It 'has the format that is given, else that of its extension' {
        ([System.IO.File]::ReadAllText(($result | Export-MigrationReport (Get-Place 'a.txt')))) | Should -Match '^<!DOCTYPE'
        ([System.IO.File]::ReadAllText(($result | Export-MigrationReport (Get-Place 'b.html') -Format Json))) | Should -Match '^\{'
        ([System.IO.File]::ReadAllText(($result | Export-MigrationReport -LiteralPath (Get-Place 'c[1].JSON')))) | Should -Match '^\{'
    }

    It 'writes nothing with -WhatIf' {
        $result | Export-MigrationReport (Get-Place 'whatif.html') -WhatIf | Should -BeNullOrEmpty
        [System.IO.File]::Exists((Get-Place 'whatif.html')) | Should -BeFalse
    }

    It 'writes over a file with -Force only' {
        { $result | Export-MigrationReport (Get-Place 'there.html') -ErrorAction Stop } | Should -Throw -ErrorId 'FileExists,*'
        ($result | Export-MigrationReport (Get-Place 'there.html') -Force).Length | Should -BeGreaterThan 0
    }

    It 'hands on what was given with -PassThru' {
        @($result, $failed | Export-MigrationReport (Get-Place 'passed.html') -PassThru).Name | Should -Be $hostile, 'fails'
        [System.IO.File]::Exists((Get-Place 'passed.html')) | Should -BeTrue
    }

    It 'has an error for each input that is none, and is of the others' {
        $file = 5, $result, 'text' | Export-MigrationReport (Get-Place 'some.json') -ErrorAction SilentlyContinue -ErrorVariable errors
        $errors.Count | Should -Be 2
        (Get-Content -Raw $file | ConvertFrom-Json -AsHashtable).Moves.Count | Should -Be 1
    }

    It 'is refused before anything upstream begins where it cannot be written' {
        { Invoke-PreRecordMigration stays report2 -Method PostCopy | Export-MigrationReport (Get-Place 'no/where.html') } | Should -Throw -ErrorId 'FileNotFound,*'
        (Get-MigrationDomain stays).HostName | Should -Be 'report1'
    }

    It 'refuses <Case>: <Id>' -ForEach $refused {
        $Write | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.ExportMigrationReportCommand"
    }
}

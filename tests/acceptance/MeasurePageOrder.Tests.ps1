BeforeAll {
    $null = New-SimulatedHost measure1
    $null = New-SimulatedDomain walker -HostName measure1 -Memory 8MB -Workload Sequential -OperationsPerSecond 20000
    $recorded = Start-PreRecord walker -Window 80ms -Epoch 10ms -Mode Observe
    $folder = [System.IO.Directory]::CreateTempSubdirectory('measure-').FullName
    $file = ($recorded | Export-PreRecord ([System.IO.Path]::Combine($folder, 'walker.prerecord'))).FullName
}

AfterAll {
    Stop-PreRecord $recorded
    Disconnect-MigrationHost measure1
    [System.IO.Directory]::Delete($folder, $true)
}

Describe 'Measure-PageOrder' {
    It 'compares every order, the best first' {
        $results = @($recorded | Measure-PageOrder -Bandwidth 20MB/s)
        $results.Count | Should -Be 13
        for ($i = 1; $i -lt 13; $i++) {
            $results[$i].StallTime | Should -BeGreaterOrEqual $results[$i - 1].StallTime
        }

        $oracle = $results.Where({ "$($_.Order)" -eq 'Oracle' })[0]
        foreach ($result in $results) {
            $result.Name | Should -Be 'walker'
            $result.RemoteFaults | Should -BeGreaterOrEqual $oracle.RemoteFaults
            $result.StallTime | Should -BeGreaterOrEqual $oracle.StallTime
        }

        $results.Where({ "$($_.Order)" -eq 'Auto' })[0].Reason | Should -Match 'cover [0-9.]+ %'
    }

    It 'gives the same figures for files, again and again' {
        $first = $recorded | Measure-PageOrder -Order Auto, Sequential
        foreach ($again in @(Measure-PageOrder $file -Order Auto, Sequential), @([System.IO.FileInfo]::new($file) | Measure-PageOrder -Order Auto, Sequential)) {
            $again.StallTime -join ',' | Should -Be ($first.StallTime -join ',')
            $again.RemoteFaults -join ',' | Should -Be ($first.RemoteFaults -join ',')
        }
    }

    It 'refuses a split that leaves nothing, and numbers that make no sense' {
        { $recorded | Measure-PageOrder -SplitEpoch 8 -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidOption,PreRecordMigration.Cmdlets.MeasurePageOrderCommand'
        { $recorded | Measure-PageOrder -GuestSpeed 0 } | Should -Throw -ErrorId 'InvalidOption,PreRecordMigration.Cmdlets.MeasurePageOrderCommand'
        { $recorded | Measure-PageOrder -Bandwidth 0 } | Should -Throw -ErrorId 'InvalidOption,PreRecordMigration.Cmdlets.MeasurePageOrderCommand'
        { Measure-PageOrder -Path ([System.IO.Path]::Combine($folder, 'no.prerecord')) -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotFound,PreRecordMigration.Cmdlets.MeasurePageOrderCommand'
    }
}

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $null = New-SimulatedHost file1
    $null = New-SimulatedDomain worker -HostName file1 -Memory 8MB -OperationsPerSecond 20000
    $recorded = Start-PreRecord worker -Window 60ms -Epoch 20ms -Mode Observe -HoldTime 1h
    $folder = [System.IO.Directory]::CreateTempSubdirectory('prerecord-').FullName
    function Get-Place([string] $name) { [System.IO.Path]::Combine($folder, $name) }
}

AfterAll {
    Stop-PreRecord $recorded
    Disconnect-MigrationHost file1
    [System.IO.Directory]::Delete($folder, $true)
}

Describe 'Export-PreRecord and Import-PreRecord' {
    It 'keep the recording' {
        $file = $recorded | Export-PreRecord (Get-Place 'worker.prerecord')
        $file.FullName | Should -Be (Get-Place 'worker.prerecord')
        $read = Import-PreRecord $file.FullName
        $read.DomainName | Should -Be 'worker'
        $read.SourceHost | Should -Be 'file1'
        "$($read.Mode)" | Should -Be 'Observe'
        $read.Window | Should -Be $recorded.Window
        $read.Epoch | Should -Be $recorded.Epoch
        $read.RecordedPages | Should -Be $recorded.RecordedPages
        $read.Trajectory.Count | Should -Be $recorded.Trajectory.Count
        $read.ImportedFrom | Should -Be $file.FullName
        ($read | Get-PageOrder).Pfn -join ',' | Should -Be (($recorded | Get-PageOrder).Pfn -join ',')
    }

    It 'keep the accesses as text' {
        $null = $recorded | Export-PreRecord -LiteralPath (Get-Place 'worker[1].csv')
        $lines = [System.IO.File]::ReadAllLines((Get-Place 'worker[1].csv'))
        $lines[0] | Should -Be 'epoch,pfn,write'
        $lines.Count | Should -Be ($recorded.Trajectory.Count + 1)
        $read = Import-PreRecord -LiteralPath (Get-Place 'worker[1].csv') -Epoch 20ms -PageCount $recorded.Trajectory.PageCount
        $read.DomainName | Should -Be 'worker[1]'
        $read.Trajectory.PagesByFirstTouch() -join ',' | Should -Be ($recorded.Trajectory.PagesByFirstTouch() -join ',')
        $read.Trajectory.PageCount | Should -Be $recorded.Trajectory.PageCount
    }

    It 'take wildcards, and files from the pipeline' {
        $null = $recorded | Export-PreRecord (Get-Place 'a.prerecord')
        $null = $recorded | Export-PreRecord (Get-Place 'b.prerecord')
        @(Import-PreRecord (Get-Place '[ab].prerecord')).Count | Should -Be 2
        @([System.IO.FileInfo]::new((Get-Place 'a.prerecord')) | Import-PreRecord).Count | Should -Be 1
        @((Get-Place 'a.prerecord'), (Get-Place 'b.prerecord') | Import-PreRecord).Count | Should -Be 2
    }

    It 'show their progress, and complete it' {
        $there = Invoke-Elsewhere "Import-PreRecord '$(Get-Place 'worker.prerecord')' | Export-PreRecord '$(Get-Place 'shown.csv')' -Force"
        $there.Errors.Count | Should -Be 0
        foreach ($activity in 'Reading', 'Writing') {
            $shown = @($there.Progress.Where({ $_.Activity -match "^$activity " }))
            $shown.Count | Should -BeGreaterThan 1 -Because $activity
            "$($shown[-1].RecordType)" | Should -Be 'Completed'
            @($shown.ActivityId).Where({ $_ -ne $shown[0].ActivityId }).Count | Should -Be 0
        }
    }

    It 'write over a file with -Force only' {
        $file = Get-Place 'twice.prerecord'
        $null = $recorded | Export-PreRecord $file
        { $recorded | Export-PreRecord $file -ErrorAction Stop } | Should -Throw -ErrorId 'FileExists,PreRecordMigration.Cmdlets.ExportPreRecordCommand'
        ($recorded | Export-PreRecord $file -Force).Length | Should -BeGreaterThan 0
    }

    It 'write nothing with -WhatIf' {
        $recorded | Export-PreRecord (Get-Place 'whatif.prerecord') -WhatIf | Should -BeNullOrEmpty
        [System.IO.File]::Exists((Get-Place 'whatif.prerecord')) | Should -BeFalse
    }

    It 'refuse a damaged file with its name and the offset, and read the others' {
        $file = ($recorded | Export-PreRecord (Get-Place 'damaged.prerecord')).FullName
        $bytes = [System.IO.File]::ReadAllBytes($file)
        [System.IO.File]::WriteAllBytes($file, [byte[]] $bytes[0..($bytes.Count - 10)])
        $null = $recorded | Export-PreRecord (Get-Place 'whole.prerecord')
        $read = Import-PreRecord (Get-Place 'damaged.prerecord'), (Get-Place 'whole.prerecord') -ErrorAction SilentlyContinue -ErrorVariable problems
        @($read).Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'InvalidFile,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
        "$($problems[0])" | Should -Match "damaged\.prerecord.*at byte $($bytes.Count - 9)"
        $problems[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'say so where there is no such file or folder' {
        { Import-PreRecord (Get-Place 'nothere.prerecord') -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotFound,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
        { Import-PreRecord $folder -ErrorAction Stop } | Should -Throw -ErrorId 'FileIsFolder,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
        { $recorded | Export-PreRecord (Get-Place 'no/folder.prerecord') -ErrorAction Stop } | Should -Throw -ErrorId 'FileNotFound,PreRecordMigration.Cmdlets.ExportPreRecordCommand'
        { Import-PreRecord Variable:PWD -ErrorAction Stop } | Should -Throw -ErrorId 'NotInFileSystem,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
    }

    It 'refuse text that is no recording, and an epoch of no length' {
        [System.IO.File]::WriteAllText((Get-Place 'wrong.csv'), "0,1,1`n0,two,1`n")
        { Import-PreRecord (Get-Place 'wrong.csv') -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidFile,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
        { Import-PreRecord (Get-Place 'wrong.csv') -Epoch 0 } | Should -Throw -ErrorId 'EpochRange,PreRecordMigration.Cmdlets.ImportPreRecordCommand'
    }

    It 'give a recording that has no domain to move' {
        $read = $recorded | Export-PreRecord (Get-Place 'still.prerecord') | Import-PreRecord
        { $read | Stop-PreRecord -ErrorAction Stop } | Should -Throw -ErrorId 'RecordingImported,PreRecordMigration.Cmdlets.StopPreRecordCommand'
    }
}

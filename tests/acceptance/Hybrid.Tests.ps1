BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost hybrid1, hybrid2

    function New-Worker([string] $name, [hashtable] $more = @{}) {
        $null = New-SimulatedDomain $name -HostName hybrid1 -Memory 16MB -OperationsPerSecond 100000 -Seed 5 @more
    }

    # The domain's memory, while it stands still, is that of one that never moved; and the guest itself has seen no wrong byte.
    function Test-Memory([string] $name) {
        $simulated = Get-SimulatedHost hybrid2
        $domain = $simulated.GetDomain($name)
        $opened = $simulated.OpenSource($name)
        try {
            $opened.Suspend([TimeSpan]::FromSeconds(30), [System.Threading.CancellationToken]::None)
            [PreRecordMigration.Simulated.SimulatedReference]::FirstDifference($domain.PopulatedPages, $domain.Memory, $domain.ReferenceMemory()) | Should -Be -1
            $domain.CheckErrors | Should -Be 0
            $opened.Resume()
        }
        finally {
            $opened.Dispose()
        }
    }
}

AfterAll {
    Disconnect-MigrationHost hybrid1, hybrid2
}

Describe 'Invoke-PreRecordMigration -Method Hybrid' {
    It 'moves a busy domain to the byte, and misses only what its rounds left' {
        New-Worker whole
        $result = Invoke-PreRecordMigration whole -Destination hybrid2 -Method Hybrid -BandwidthLimit 32MB/s
        "$($result.Method)$($result.Mode)" | Should -Be 'Hybrid'
        $result.Rounds | Should -BeIn (1..5)
        $result.PagesBeforeCommit | Should -BeGreaterOrEqual 4096
        $result.PagesLeftAtCommit | Should -BeGreaterThan 0
        $result.PagesLeftAtCommit | Should -BeLessThan 4096
        $result.PagesPushed - $result.PagesBeforeCommit | Should -BeLessOrEqual $result.PagesLeftAtCommit
        $result.PagesPushed - $result.PagesBeforeCommit + $result.PagesDemanded | Should -BeGreaterOrEqual $result.PagesLeftAtCommit
        "$($result.Phases.Phase)" | Should -Be 'Prepare Rounds Handover Push Finish'
        Get-MigrationDomain whole -HostName hybrid1 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        Test-Memory whole
    }

    It 'makes the domain wait for fewer pages than post-copy, and needs both hosts for less long' {
        New-Worker after
        New-Worker both
        $postCopy = Invoke-PreRecordMigration after -Destination hybrid2 -Method PostCopy -BandwidthLimit 16MB/s
        $hybrid = Invoke-PreRecordMigration both -Destination hybrid2 -Method Hybrid -BandwidthLimit 16MB/s
        $hybrid.RemoteFaults | Should -BeLessThan $postCopy.RemoteFaults
        $hybrid.Exposure | Should -BeLessThan $postCopy.Exposure
    }

    It 'ends its rounds although the guest writes for ever' {
        New-Worker restless @{ Workload = 'UniformRandom'; WritePercent = 100; OperationsPerSecond = 1000000 }
        $result = Invoke-PreRecordMigration restless -Destination hybrid2 -Method Hybrid -BandwidthLimit 16MB/s
        $result.Rounds | Should -BeLessThan 5
        $result.PagesLeftAtCommit | Should -BeGreaterThan 0
        Test-Memory restless
    }

    It 'is taken by -Method Auto where Test-Migration advises it' {
        New-Worker chosen @{ Workload = 'UniformRandom'; WritePercent = 20; OperationsPerSecond = 20000 }
        Set-MigrationConfiguration Bandwidth 16MB/s
        try {
            $advised = Test-Migration chosen -Destination hybrid2 -Window 100ms -Epoch 20ms
            $result = Invoke-PreRecordMigration chosen -Destination hybrid2 -Method Auto -Window 100ms -Epoch 20ms -BandwidthLimit 16MB/s -Verbose 4>&1
            $moved, $said = $result.Where({ $_ -isnot [System.Management.Automation.VerboseRecord] }, 'Split')
            "$($advised.Recommendation)" | Should -BeIn 'Hybrid', 'PreCopy', 'PostCopy', 'PreRecord'
            "$($said.Message)" | Should -Match ([regex]::Escape("$($moved[0].Method)"))
            Test-Memory chosen
        }
        finally {
            Set-MigrationConfiguration Bandwidth -Clear
        }
    }

    It 'is not chosen by -Method Auto with -WhatIf, which watches nothing' {
        New-Worker unwatched
        $opened = (Get-SimulatedHost hybrid1).Faults.CountOf('StartRecording')
        $report = Invoke-PreRecordMigration unwatched -Destination hybrid2 -Method Auto -WhatIf
        $report.Recommendation | Should -BeNullOrEmpty
        $report.IsPossible | Should -BeTrue
        "$($report.Reasons)" | Should -Match 'Test-Migration'
        $report.Estimates.ForEach({ "$($_.Method)" }) | Should -Contain 'Hybrid'
        (Get-SimulatedHost hybrid1).Faults.CountOf('StartRecording') | Should -Be $opened
    }

    It 'leaves -Method Auto to a sample where the mode is Auto, too' {
        New-Worker modes @{ Workload = 'Idle' }
        $said = Invoke-PreRecordMigration modes -Destination hybrid2 -Method Auto -Mode Auto -Window 20ms -Epoch 20ms -Verbose 4>&1
        "$($said.Message)" | Should -Match 'PreCopy'
        "$($said.Where({ $_ -isnot [System.Management.Automation.VerboseRecord] }).Method)" | Should -Be 'PreCopy'
    }

    It 'of a report is done by -Method Auto' {
        New-Worker reported
        $report = Test-Migration reported -Destination hybrid2 -Window 20ms -Epoch 20ms
        $result = $report | Invoke-PreRecordMigration -Method Auto
        "$($result.Method)" | Should -Be "$($report.Recommendation)"
    }

    It 'shows with -WhatIf what it would do' {
        New-Worker told
        $plan = Invoke-PreRecordMigration told -Destination hybrid2 -Method Hybrid -WhatIf
        "$($plan.Recommendation)" | Should -Be 'Hybrid'
        "$((Get-MigrationDomain told).State)" | Should -Be 'Running'
    }

    It 'refuses a host without <Lacks> before anything of the domain is touched' -ForEach @(
        @{ Lacks = 'RemotePF'; From = 'hybrid1'; To = 'lacking' }
        @{ Lacks = 'DirtyTracking'; From = 'lacking'; To = 'hybrid2' }
    ) {
        $null = New-SimulatedHost lacking -Without $Lacks
        try {
            $null = New-SimulatedDomain refused -HostName $From -Memory 8MB
            $tracked = (Get-SimulatedHost $From).Faults.CountOf('StartDirtyTracking')
            Invoke-PreRecordMigration refused -HostName $From -Destination $To -Method Hybrid -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'NotSupported,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
            $failed[0].Exception.Message | Should -Match '^lacking: '
            "$((Get-MigrationDomain refused -HostName $From).State)" | Should -Be 'Running'
            (Get-SimulatedHost $From).Faults.CountOf('StartDirtyTracking') | Should -Be $tracked
        }
        finally {
            Disconnect-MigrationHost lacking
        }
    }

    It 'is resumed from what is missing where it was interrupted after the commit' {
        New-Worker cut @{ OperationsPerSecond = 400000; WorkingSet = 4MB }
        (Get-SimulatedHost hybrid2).Faults.Fail('Place', 2)
        $handle = Start-Migration cut hybrid2 -Method Hybrid -BandwidthLimit 8MB/s
        $handle | Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].Exception.Message | Should -Match 'kept stopped here'
        while ("$((Get-MigrationDomain cut* -HostName hybrid2).State)" -ne 'Paused') {
            $null = [System.Threading.Thread]::Yield()
        }

        $moved = $handle | Resume-Migration | Wait-Migration
        "$($moved.Method)" | Should -Be 'Hybrid'
        $moved.PagesLeftAtCommit | Should -BeLessThan 4096
        $moved.PagesPushed - $moved.PagesBeforeCommit | Should -BeLessThan (2 * $moved.PagesLeftAtCommit)
        Test-Memory cut
    }
}

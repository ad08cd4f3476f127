# What bounds a move while it goes on: how long the domain may stand still, how long it may need both hosts, and Set-Migration, which changes that.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $null = New-SimulatedHost bound1, bound2

    # It writes faster than its way carries.
    function New-Writer([string] $name) {
        $null = New-SimulatedDomain $name -HostName bound1 -Memory 8MB -Workload UniformRandom -WritePercent 100 -OperationsPerSecond 1000000
    }

    function New-Idler([string] $name) { $null = New-SimulatedDomain $name -HostName bound1 -Memory 8MB -Workload Idle }

    # A push that would take hours keeps a migration under way for as long as a test needs it.
    function Start-Slow([string] $name, [string] $method) {
        New-Idler $name
        Start-Migration $name bound2 -Method $method -BandwidthLimit 1KB/s
    }
}

AfterAll {
    Get-Migration | Where-Object State -EQ Running | Set-Migration -Clear BandwidthLimit -ErrorAction Ignore
    Wait-Migration -ErrorAction SilentlyContinue
    Disconnect-MigrationHost bound1, bound2
}

Describe 'Invoke-PreRecordMigration -MaximumDowntime' {
    It 'moves the domain all the same, and warns of the downtime that is predicted' {
        New-Writer goes
        $result = Invoke-PreRecordMigration goes bound2 -Method PreCopy -BandwidthLimit 16MB/s -MaximumDowntime 1us -WarningVariable warned -WarningAction SilentlyContinue
        $result.Rounds | Should -Be 5
        "$warned" | Should -Match "^'goes' writes too fast .* would stand still for about .*, longer than the limit of 1 us\. It is moved all the same\.$"
        "$((Get-MigrationDomain goes -HostName bound2).State)" | Should -Be 'Running'
        (Get-Migration goes).Warnings | Should -Be "$warned"
    }

    It 'leaves the domain where it is, where that was chosen' {
        New-Writer stays
        Invoke-PreRecordMigration stays bound2 -Method PreCopy -BandwidthLimit 16MB/s -MaximumDowntime 1us -DowntimeAction Stop -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'DowntimeTooLong,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'LimitsExceeded'
        $failed[0].TargetObject | Should -Be 'stays'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match '-Method Hybrid'
        "$((Get-MigrationDomain stays -HostName bound1).State)" | Should -Be 'Running'
        Get-MigrationDomain stays -HostName bound2 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }

    It 'says nothing where the domain stands still for no longer' {
        New-Idler quick
        $null = Invoke-PreRecordMigration quick bound2 -Method PreCopy -DowntimeAction Stop -WarningVariable warned
        $warned | Should -BeNullOrEmpty
    }

    It 'is refused where nothing travels while the domain stands still: <Arguments>' -ForEach @(
        @{ Arguments = '-Method PostCopy -MaximumDowntime 1s' }
        @{ Arguments = '-Method Hybrid -DowntimeAction Stop' }
        @{ Arguments = '-MaximumDowntime 1s' }
    ) {
        if (-not (Get-MigrationDomain unbound -ErrorAction Ignore)) { New-Idler unbound }
        Invoke-Expression "Invoke-PreRecordMigration unbound bound2 $Arguments -ErrorAction SilentlyContinue -ErrorVariable failed"
        $failed[0].FullyQualifiedErrorId | Should -Be 'LastRoundMissing,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'InvalidArgument'
    }

    It 'bounds what Test-Migration advises, and what is moved by its report' {
        New-Writer advised
        $report = Test-Migration advised bound2 -Window 100ms -Epoch 20ms -Bandwidth 16MB/s -MaximumDowntime 1h
        "$($report.Recommendation)" | Should -Be 'PreCopy'
        $report = Test-Migration advised bound2 -Window 100ms -Epoch 20ms -Bandwidth 16MB/s -MaximumDowntime 1us
        "$($report.Recommendation)" | Should -Not -Be 'PreCopy'
        ($report | Invoke-PreRecordMigration -MaximumDowntime 1us).Destination | Should -Be 'bound2'
        New-Writer sampled
        "$((Invoke-PreRecordMigration sampled bound2 -Method Auto -Window 100ms -Epoch 20ms -MaximumDowntime 1us).Method)" | Should -Not -Be 'PreCopy'
    }
}

Describe 'Set-Migration' {
    It 'frees a push that waits for its limit' {
        $handle = Start-Slow freed PostCopy
        $handle.BandwidthLimit | Should -Be 1024
        $handle | Set-Migration -Clear BandwidthLimit | Should -BeNullOrEmpty
        ($handle | Wait-Migration).Destination | Should -Be 'bound2'
    }

    It 'lets an exposure lift the limit, of which whoever waits is warned' {
        $handle = Start-Slow exposed PostCopy
        $handle | Set-Migration -MaximumExposure 1ms
        $result = $handle | Wait-Migration -WarningVariable warned -WarningAction SilentlyContinue
        $result.Destination | Should -Be 'bound2'
        "$warned" | Should -Match "^'exposed' has needed both hosts for longer than the limit of 1 ms: .* The bandwidth limit of 1 KiB/s is lifted\.$"
        $after = Get-Migration -Id $handle.Id
        $after.BandwidthLimit | Should -BeNullOrEmpty
        $after.Warnings | Should -Be "$warned"
        ($after | Format-List | Out-String) | Should -Match 'MaximumExposure +: 1\.00 ms'
    }

    It 'takes names, patterns, numbers and handles, from another runspace as well' {
        $handle = Start-Slow meant PreCopy
        (Set-Migration meant -MaximumDowntime 1s -PassThru).MaximumDowntime | Should -Be ([TimeSpan]::FromSeconds(1))
        (Set-Migration mea* -BandwidthLimit 2KB/s -PassThru).BandwidthLimit | Should -Be 2048
        (Set-Migration -Id $handle.Id -BandwidthLimit 1Kb/s -PassThru).BandwidthLimit | Should -Be 125
        ('meant' | Set-Migration -BandwidthLimit 5KB/s -PassThru).Id | Should -Be $handle.Id
        $there = Invoke-Elsewhere "Get-Migration meant | Set-Migration -Clear BandwidthLimit"
        $there.Errors.Count | Should -Be 0 -Because "$($there.Errors)"
        ($handle | Wait-Migration).Destination | Should -Be 'bound2'
    }

    It 'changes nothing with -WhatIf, and finds out what is wrong' {
        $handle = Start-Slow whatif PostCopy
        $handle | Set-Migration -BandwidthLimit 5MB/s -WhatIf
        (Get-Migration -Id $handle.Id).BandwidthLimit | Should -Be 1024
        $handle | Set-Migration -MaximumDowntime 1s -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'NothingToBound,PreRecordMigration.Cmdlets.SetMigrationCommand'
        $handle | Set-Migration -Clear BandwidthLimit
        $null = $handle | Wait-Migration
    }

    It 'refuses <Case>: <Id>' -ForEach @(
        @{ Case = 'one that has ended'; Arguments = '-BandwidthLimit 1MB/s'; Id = 'MigrationNotChangeable'; Category = 'InvalidOperation' }
        @{ Case = 'nothing to change'; Arguments = ''; Id = 'LimitMissing'; Category = 'InvalidArgument' }
        @{ Case = 'a limit that is given and cleared'; Arguments = '-BandwidthLimit 1MB/s -Clear BandwidthLimit'; Id = 'LimitContradicted'; Category = 'InvalidArgument' }
    ) {
        if (-not (Get-Migration ended -ErrorAction Ignore)) {
            New-Idler ended
            $null = Invoke-PreRecordMigration ended bound2 -Method PostCopy
        }

        $failed = try { Invoke-Expression "Set-Migration ended $Arguments -ErrorAction Stop" } catch { $_ }
        $failed.FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.SetMigrationCommand"
        "$($failed.CategoryInfo.Category)" | Should -Be $Category
        $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'refuses a limit of nothing, and one that means nothing to the method: <Arguments>' -ForEach @(
        @{ Name = 'zero'; Method = 'PreCopy'; Arguments = '-BandwidthLimit 0'; Id = 'InvalidOption' }
        @{ Name = 'instant'; Method = 'PreCopy'; Arguments = '-MaximumDowntime 0s'; Id = 'InvalidOption' }
        @{ Name = 'whole'; Method = 'PreCopy'; Arguments = '-MaximumExposure 5s'; Id = 'NothingToBound' }
        @{ Name = 'follows'; Method = 'PostCopy'; Arguments = '-MaximumDowntime 5s'; Id = 'NothingToBound' }
    ) {
        $handle = Start-Slow $Name $Method
        $failed = try { Invoke-Expression "`$handle | Set-Migration $Arguments -ErrorAction Stop" } catch { $_ }
        $failed.FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.SetMigrationCommand"
        (Get-Migration -Id $handle.Id).BandwidthLimit | Should -Be 1024
        $handle | Set-Migration -Clear BandwidthLimit
        $null = $handle | Wait-Migration
    }

    It 'says so where there is none' {
        Set-Migration nobody -BandwidthLimit 1MB/s -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'MigrationNotFound,PreRecordMigration.Cmdlets.SetMigrationCommand'
        Set-Migration -BandwidthLimit 1MB/s -WarningVariable warned -WarningAction SilentlyContinue
        "$warned" | Should -Match 'no limit was changed'
    }

    It 'completes the domains that move and the limits that can be cleared' {
        foreach ($line in @{ 'Set-Migration free' = 'freed' }, @{ 'Set-Migration freed -Clear Band' = 'BandwidthLimit' }, @{ 'Set-Migration freed -Clear ' = 'MaximumExposure' }) {
            $typed = "$($line.Keys)"
            [System.Management.Automation.CommandCompletion]::CompleteInput($typed, $typed.Length, $null).CompletionMatches.CompletionText | Should -Contain "$($line.Values)"
        }
    }
}

# Test-Migration, and how its report feeds the move.

BeforeAll {
    $null = New-SimulatedHost test1, test2
    $null = New-SimulatedDomain tested -HostName test1 -Memory 8MB -OperationsPerSecond 20000
    function Get-TestedState { "$((Get-MigrationDomain tested -HostName test1).State)" }
    function Get-Estimate($report, [string] $method, $mode) {
        @($report.Estimates).Where({ "$($_.Method)" -eq $method -and "$($_.Mode)" -eq "$mode" })[0]
    }
}

AfterAll {
    Disconnect-MigrationHost test1, test2
}

Describe 'Test-Migration' {
    It 'predicts what every method would cost from a sample, and advises one' {
        $report = Test-Migration tested -Destination test2 -Window 100ms -Epoch 20ms -Bandwidth 32MB/s
        $report.DomainName | Should -Be 'tested'
        $report.SourceHost | Should -Be 'test1'
        $report.Destination | Should -Be 'test2'
        $report.IsPossible | Should -BeTrue
        $report.Incompatibilities.Count | Should -Be 0
        $report.TouchedPages | Should -BeGreaterThan 0
        $report.DirtyPages | Should -BeGreaterThan 0
        $report.SampleWindow | Should -Be ([TimeSpan]::FromMilliseconds(100))
        $report.Reasons.Count | Should -BeGreaterThan 0
        $report.Estimates.ForEach({ "$($_.Method) $($_.Mode)".Trim() }) -join ', ' |
            Should -Be 'PreCopy, PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback'
        (Get-Estimate $report PreCopy).RemoteFaults | Should -Be 0
        (Get-Estimate $report PreCopy).BytesSent | Should -BeGreaterThan 8MB
        $postCopy = Get-Estimate $report PostCopy
        $postCopy.RemoteFaults | Should -BeGreaterThan 0
        $postCopy.Exposure | Should -BeGreaterThan ([TimeSpan]::FromMilliseconds(240))
        $hybrid = Get-Estimate $report Hybrid
        $hybrid.RemoteFaults | Should -BeLessThan $postCopy.RemoteFaults
        $hybrid.Exposure | Should -BeLessThan $postCopy.Exposure
        $hybrid.Downtime | Should -BeLessOrEqual (Get-Estimate $report PreCopy).Downtime
        (Get-Estimate $report PreRecord Rollback).RemoteFaults | Should -BeLessThan $postCopy.RemoteFaults
        Get-TestedState | Should -Be 'Running'
    }

    It 'reckons with the link that it is told' {
        $slow = Test-Migration tested test2 -Window 20ms -Bandwidth 1MB/s
        $fast = Test-Migration tested test2 -Window 20ms -Bandwidth 100MB/s
        (Get-Estimate $slow PostCopy).Exposure | Should -BeGreaterThan (Get-Estimate $fast PostCopy).Exposure
    }

    It 'advises nothing that is exposed for too long' {
        $report = Test-Migration tested test2 -Window 20ms -Bandwidth 1MB/s -MaximumExposure 100ms
        "$($report.Recommendation)" | Should -Be 'PreCopy'
        "$($report.Reasons)" | Should -Match 'left out'
    }

    It 'says what stands against which method, with the object that is the matter' {
        $null = New-SimulatedHost lacking -Without RemotePF
        try {
            $report = Test-Migration tested lacking -Window 20ms
            "$($report.Recommendation)" | Should -Be 'PreCopy'
            $problem = $report.Incompatibilities[0]
            $problem.ErrorId | Should -Be 'NotSupported'
            $problem.Methods -join ', ' | Should -Be 'PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback'
            "$($problem.Target.Capability)" | Should -Be 'RemotePF'
            $problem.Target.HostName | Should -Be 'lacking'
            $problem.Remedy | Should -Not -BeNullOrEmpty
        }
        finally {
            Disconnect-MigrationHost lacking
        }
    }

    It 'says that nothing is possible where the destination <Case>' -ForEach @(
        @{ Case = 'lacks memory'; Id = 'OutOfMemory'; Memory = '1MB'; Occupied = $false }
        @{ Case = 'has a domain of that name'; Id = 'DomainExists'; Memory = '1GB'; Occupied = $true }
    ) {
        $null = New-SimulatedHost unfit -Memory $Memory
        try {
            if ($Occupied) {
                $null = New-SimulatedDomain tested -HostName unfit -Memory 4MB -Workload Idle
            }

            $report = Test-Migration tested unfit -HostName test1 -Window 20ms
            $report.IsPossible | Should -BeFalse
            $report.Recommendation | Should -BeNullOrEmpty
            $report.Incompatibilities.Count | Should -Be 1
            $report.Incompatibilities[0].ErrorId | Should -Be $Id
            $report | Invoke-PreRecordMigration -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand"
            Get-TestedState | Should -Be 'Running'
        }
        finally {
            Disconnect-MigrationHost unfit
        }
    }

    It 'refuses <Case>' -ForEach @(
        @{ Case = 'an unknown domain'; Id = 'DomainNotFound'; Arguments = @{ Name = 'nothere'; Destination = 'test2' } }
        @{ Case = 'an unknown destination'; Id = 'HostNotFound'; Arguments = @{ Name = 'tested'; Destination = 'nowhere' } }
        @{ Case = 'a window of zero'; Id = 'InvalidOption'; Arguments = @{ Name = 'tested'; Destination = 'test2'; Window = '0s' } }
        @{ Case = 'a round trip of zero'; Id = 'InvalidOption'; Arguments = @{ Name = 'tested'; Destination = 'test2'; RoundTrip = '0s' } }
    ) {
        { Test-Migration @Arguments -ErrorAction Stop } | Should -Throw -ErrorId "$Id,PreRecordMigration.Cmdlets.TestMigrationCommand"
    }
}

Describe 'A report that feeds the move' {
    It 'moves the domain by the method that is advised' {
        $null = New-SimulatedDomain advised -HostName test1 -Memory 4MB -Workload Idle
        $report = Test-Migration advised test2 -Window 20ms
        $result = $report | Invoke-PreRecordMigration -MaximumExposure 5s
        "$($result.Method)" | Should -Be "$($report.Recommendation)"
        $result.Destination | Should -Be 'test2'
    }

    It 'leaves the method to whoever names one' {
        $null = New-SimulatedDomain named -HostName test1 -Memory 4MB -Workload Idle
        $result = Test-Migration named test2 -Window 20ms | Start-Migration -Method PostCopy | Wait-Migration
        "$($result.Method)" | Should -Be 'PostCopy'
    }

    It 'is refused where the exposure is predicted to be above the limit' {
        $report = Test-Migration tested test2 -Window 20ms -Bandwidth 1MB/s
        $report | Invoke-PreRecordMigration -Method PostCopy -MaximumExposure 1s -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ExposureTooLong,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        "$($failed[0].CategoryInfo.Category)" | Should -Be 'LimitsExceeded'
        $failed[0].TargetObject | Should -Be 'tested'
        Get-TestedState | Should -Be 'Running'
    }

    It 'of a faster way says nothing of a slower move, which is judged by its size' {
        $report = Test-Migration tested test2 -Window 20ms
        $report | Invoke-PreRecordMigration -Method PostCopy -BandwidthLimit 1MB/s -MaximumExposure 1s -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ExposureTooLong,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        Get-TestedState | Should -Be 'Running'
    }

    It 'reckons with no more than the bandwidth that a move may take' {
        Set-MigrationConfiguration BandwidthLimit 2MB/s
        try {
            (Test-Migration tested test2 -Window 20ms).Bandwidth | Should -Be 2MB
            (Test-Migration tested test2 -Window 20ms -Bandwidth 3MB/s).Bandwidth | Should -Be 3MB
        }
        finally {
            Set-MigrationConfiguration BandwidthLimit -Clear
        }
    }

    It 'is of a destination that is asked, with -WhatIf too' {
        $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $nobody = "localhost:$($listener.LocalEndpoint.Port)"
        $listener.Stop()
        Invoke-PreRecordMigration tested $nobody -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Match '^DestinationUnreachable,'
    }

    It 'and a move without one is judged by its size' {
        Invoke-PreRecordMigration tested test2 -Method PostCopy -BandwidthLimit 1MB/s -MaximumExposure 1s -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'ExposureTooLong,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
    }

    It 'refuses what a recording has decided already' {
        $recorded = Start-PreRecord tested -Window 20ms -Mode Observe
        $recorded | Invoke-PreRecordMigration -Destination test2 -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'OptionDecided,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        $recorded | Stop-PreRecord
    }
}

Describe 'A parameter that is marked' {
    BeforeDiscovery {
        $values = @{ TimeSpan = '10ms'; Nullable = '1MB'; Int64 = '1MB'; SwitchParameter = $true; RecordingModeChoice = 'Observe'; MigrationMethodChoice = 'PostCopy'; RollbackProofKind = 'Full' }
        function Get-Marked([string] $purpose) {
            foreach ($property in (Get-Command Invoke-PreRecordMigration).ImplementingType.GetProperties()) {
                if ($property.CustomAttributes.AttributeType.Name -contains "${purpose}Attribute") {
                    @{ Name = $property.Name; Value = $values[$property.PropertyType.Name.Split('`')[0]] }
                }
            }
        }

        $preRecordOnly = @(Get-Marked PreRecordOnly)
        $decided = @(Get-Marked DecidedByRecording)
    }

    It 'is one that only a recording has a use for, and is refused without one: <Name>' -ForEach $preRecordOnly {
        $option = @{ $Name = $Value }
        $failed = { Invoke-PreRecordMigration tested test2 -Method PostCopy @option } |
            Should -Throw -ErrorId 'OptionNotForMethod,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand' -PassThru
        $failed.TargetObject | Should -Be $Name
    }

    It 'is one that a recording has decided, and is refused with one: <Name>' -ForEach $decided {
        $recorded = Start-PreRecord tested -Window 20ms -Epoch 10ms -Mode Observe
        $option = @{ $Name = $Value }
        $recorded | Invoke-PreRecordMigration -Destination test2 @option -ErrorAction SilentlyContinue -ErrorVariable failed
        $recorded | Stop-PreRecord
        $failed[0].FullyQualifiedErrorId | Should -Be 'OptionDecided,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        $failed[0].TargetObject | Should -Be $Name
    }

    It 'is one of several' {
        $marked = (Get-Command Invoke-PreRecordMigration).ImplementingType.GetProperties().ForEach({ $_.CustomAttributes.AttributeType.Name })
        @($marked).Where({ $_ -eq 'PreRecordOnlyAttribute' }).Count | Should -Be 8
        @($marked).Where({ $_ -eq 'DecidedByRecordingAttribute' }).Count | Should -Be 10
    }
}

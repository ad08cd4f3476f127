# Durations and sizes, as every cmdlet understands them. -WhatIf runs the whole argument binding and changes nothing.

Describe 'A duration' {
    BeforeAll {
        $null = New-SimulatedHost clock
        $null = New-SimulatedDomain ticking -HostName clock -Memory 8MB -Workload Idle
    }

    AfterAll {
        Disconnect-MigrationHost clock
    }

    It 'is <Expected> for <Text>' -ForEach @(
        @{ Text = '500ms'; Expected = '00:00:00.5000000' }
        @{ Text = '0.5s'; Expected = '00:00:00.5000000' }
        @{ Text = '500 ms'; Expected = '00:00:00.5000000' }
        @{ Text = '750us'; Expected = '00:00:00.0007500' }
        @{ Text = '2min'; Expected = '00:02:00' }
        @{ Text = '1h'; Expected = '01:00:00' }
        @{ Text = '00:00:05'; Expected = '00:00:05' }
        @{ Text = '1.00:00:00'; Expected = '1.00:00:00' }
    ) {
        $null = Start-PreRecord ticking -Window 1h -Epoch 1ms -SuspendTimeout $Text -WhatIf -ErrorVariable failed
        $failed.Count | Should -Be 0
        $transformed = [System.Management.Automation.ArgumentTransformationAttribute] (Get-Command Start-PreRecord).Parameters['Window'].Attributes.Where(
            { $_ -is [System.Management.Automation.ArgumentTransformationAttribute] -and $_.GetType().Name -eq 'DurationAttribute' })[0]
        "$($transformed.Transform($null, $Text))" | Should -BeExactly $Expected
    }

    It 'may be written without quotes, even where PowerShell sees a number' {
        $recorded = Start-PreRecord ticking -Window 20ms -Epoch 10ms -HoldTime 5s -Mode Observe
        try {
            "$($recorded.Window)" | Should -BeExactly '00:00:00.0200000'
            ($recorded.HeldUntil - [DateTimeOffset]::Now).TotalSeconds | Should -BeLessOrEqual 5
        }
        finally {
            Stop-PreRecord $recorded
        }
    }

    It 'may be a TimeSpan' {
        { Start-PreRecord ticking -Window ([TimeSpan]::FromSeconds(1)) -WhatIf -ErrorAction Stop } | Should -Not -Throw
    }

    It 'is refused where it is not clear: <Text>' -ForEach @(
        @{ Text = '500'; Reason = 'no unit' }
        @{ Text = '1:30'; Reason = 'not a duration' }
        @{ Text = 'soon'; Reason = 'not a duration' }
        @{ Text = '5 fortnights'; Reason = 'not a duration' }
        @{ Text = ''; Reason = 'not a duration' }
        @{ Text = '99999999999h'; Reason = 'longer than' }
    ) {
        try {
            Start-PreRecord ticking -Window $Text -WhatIf
            'nothing was thrown' | Should -Be 'an error'
        }
        catch {
            $_.FullyQualifiedErrorId | Should -Be 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.StartPreRecordCommand'
            $_.Exception.Message | Should -Match $Reason
            $_.Exception.Message | Should -Match '500ms'
        }
    }

    It 'is refused as a bare number' {
        { Start-PreRecord ticking -Window 500 -WhatIf } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.StartPreRecordCommand'
    }
}

Describe 'A size' {
    It 'is <Expected> bytes for <Text>' -ForEach @(
        @{ Text = 4096; Expected = 4096 }
        @{ Text = '16MB'; Expected = 16777216 }
        @{ Text = '16MiB'; Expected = 16777216 }
        @{ Text = '1.5 GiB'; Expected = 1610612736 }
        @{ Text = '64kb'; Expected = 65536 }
        @{ Text = '512B'; Expected = 512 }
        @{ Text = '2TB'; Expected = 2199023255552 }
        @{ Text = 12MB; Expected = 12582912 }
    ) {
        $size = (Get-Command New-SimulatedHost).Parameters['Memory'].Attributes.Where({ $_.GetType().Name -eq 'SizeAttribute' })[0]
        $size.Transform($null, $Text) | Should -Be $Expected
    }

    It 'may be a literal in any of PowerShell''s notations' {
        $domains = New-SimulatedHost sized | ForEach-Object {
            New-SimulatedDomain a -HostName sized -Memory 8MB -Workload Idle
            New-SimulatedDomain b -HostName sized -Memory 0x800000 -Workload Idle
            New-SimulatedDomain c -HostName sized -Memory 8MiB -Workload Idle
            New-SimulatedDomain d -HostName sized -Memory (4MB + 4MB) -Workload Idle
        }
        Disconnect-MigrationHost sized
        $domains.ForEach({ $_.MemoryBytes }) -join ',' | Should -Be '8388608,8388608,8388608,8388608'
    }

    It 'is refused: <Text>' -ForEach @(
        @{ Text = 'much' }
        @{ Text = '16Mbit' }
        @{ Text = '0.3B' }
        @{ Text = '16MB/s' }
        @{ Text = '99999999999999TB' }
    ) {
        { New-SimulatedHost never -Memory $Text -WhatIf } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.NewSimulatedHostCommand'
    }

    It 'may end in /s where it is a rate' {
        $rate = (Get-Command Invoke-PreRecordMigration).Parameters['BandwidthLimit'].Attributes.Where({ $_.GetType().Name -eq 'SizeAttribute' })[0]
        $rate.Transform($null, '100MB/s') | Should -Be 104857600
    }
}

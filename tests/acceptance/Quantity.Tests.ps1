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
        @{ Text = '1d'; Expected = '1.00:00:00' }
        @{ Text = '1e3ms'; Expected = '00:00:01' }
        @{ Text = '.5s'; Expected = '00:00:00.5000000' }
        @{ Text = '00:00:05'; Expected = '00:00:05' }
        @{ Text = '1.00:00:00'; Expected = '1.00:00:00' }
        @{ Text = 'PT0.5S'; Expected = '00:00:00.5000000' }
        @{ Text = 'PT1H2M3S'; Expected = '01:02:03' }
        @{ Text = 'P1D'; Expected = '1.00:00:00' }
        @{ Text = 'P0DT2M'; Expected = '00:02:00' }
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
        @{ Text = '1e400s'; Reason = 'longer than' }
        @{ Text = '25h'; Reason = 'longer than a day' }
        @{ Text = [TimeSpan]::MaxValue; Reason = 'longer than a day' }
        @{ Text = '-1s'; Reason = 'below zero' }
        @{ Text = [TimeSpan]::FromSeconds(-1); Reason = 'below zero' }
        @{ Text = 'NaN'; Reason = 'not a duration' }
        @{ Text = [double]::PositiveInfinity; Reason = 'not a duration' }
        @{ Text = 'P'; Reason = 'not a duration' }
        @{ Text = 'PT'; Reason = 'not a duration' }
        @{ Text = 'P1DT'; Reason = 'not a duration' }
        @{ Text = '0.5S PT'; Reason = 'not a duration' }
        @{ Text = 'pt5s'; Reason = 'not a duration' }
        @{ Text = 'P1M'; Reason = 'not a duration' }
        @{ Text = 'P1Y'; Reason = 'not a duration' }
        @{ Text = 'P1W'; Reason = 'not a duration' }
        @{ Text = 'PT5'; Reason = 'not a duration' }
        @{ Text = 'PT0.5M'; Reason = 'not a duration' }
        @{ Text = 'PT0,5S'; Reason = 'not a duration' }
        @{ Text = '-PT1S'; Reason = 'below zero' }
        @{ Text = 'P2D'; Reason = 'longer than a day' }
        @{ Text = 'P99999999999999D'; Reason = 'longer than' }
    ) {
        try {
            Start-PreRecord ticking -Window $Text -WhatIf
            'nothing was thrown' | Should -Be 'an error'
        }
        catch {
            $_.FullyQualifiedErrorId | Should -Be 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.StartPreRecordCommand'
            $_.Exception.Message | Should -Match $Reason
            $_.Exception.Message | Should -Match '500ms.*PT0\.5S'
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
        @{ Text = '1e6'; Expected = 1000000 }
        @{ Text = '1e3kb'; Expected = 1024000 }
        @{ Text = '0x10MB'; Expected = 16777216 }
        @{ Text = 1e6; Expected = 1000000 }
        @{ Text = [bigint] 4096; Expected = 4096 }
        @{ Text = '1024TB'; Expected = 1125899906842624 }
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
            New-SimulatedDomain e -HostName sized -Memory 8388608d -Workload Idle
            New-SimulatedDomain f -HostName sized -Memory 0b100000000000000000000000 -Workload Idle
            New-SimulatedDomain g -HostName sized -Memory 4.194304e6 -Workload Idle
            New-SimulatedDomain h -HostName sized -Memory 8e3kb -Workload Idle
        }
        Disconnect-MigrationHost sized
        $domains.ForEach({ $_.MemoryBytes }) -join ',' | Should -Be '8388608,8388608,8388608,8388608,8388608,8388608,4194304,8192000'
    }

    It 'is refused: <Text>' -ForEach @(
        @{ Text = 'much' }
        @{ Text = '16Mbit' }
        @{ Text = '0.3B' }
        @{ Text = '16MB/s' }
        @{ Text = '99999999999999TB' }
        @{ Text = '1025TB' }
        @{ Text = '1e400' }
        @{ Text = '0xfffffffffffffffffff' }
        @{ Text = '-4MB' }
        @{ Text = 'NaN' }
        @{ Text = [double]::NaN }
        @{ Text = [double]::PositiveInfinity }
        @{ Text = [double]::MaxValue }
    ) {
        { New-SimulatedHost never -Memory $Text -WhatIf } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,PreRecordMigration.Cmdlets.NewSimulatedHostCommand'
    }
}

Describe 'A rate' {
    BeforeAll {
        $rate = (Get-Command Invoke-PreRecordMigration).Parameters['BandwidthLimit'].Attributes.Where({ $_.GetType().Name -eq 'SizeAttribute' })[0]
        $kept = [Environment]::GetEnvironmentVariable('PRERECORD_CONFIGURATION'), [Environment]::GetEnvironmentVariable('PRERECORD_BANDWIDTH_LIMIT')
    }

    AfterAll {
        [Environment]::SetEnvironmentVariable('PRERECORD_CONFIGURATION', $kept[0])
        [Environment]::SetEnvironmentVariable('PRERECORD_BANDWIDTH_LIMIT', $kept[1])
    }

    It 'is <Expected> bytes a second for <Text>' -ForEach @(
        @{ Text = '100MB/s'; Expected = 104857600 }
        @{ Text = '100MiB/s'; Expected = 104857600 }
        @{ Text = '100MBps'; Expected = 104857600 }
        @{ Text = '100MB'; Expected = 104857600 }
        @{ Text = '100mb'; Expected = 104857600 }
        @{ Text = 100MB; Expected = 104857600 }
        @{ Text = '1e6'; Expected = 1000000 }
        @{ Text = '1e6 B/s'; Expected = 1000000 }
        @{ Text = '10Mb/s'; Expected = 1250000 }
        @{ Text = '10Mbps'; Expected = 1250000 }
        @{ Text = '10Mbit/s'; Expected = 1250000 }
        @{ Text = '10mbit/s'; Expected = 1250000 }
        @{ Text = '10Mbit'; Expected = 1250000 }
        @{ Text = '1Gb/s'; Expected = 125000000 }
        @{ Text = '1Gbit/s'; Expected = 125000000 }
        @{ Text = '2.5 Gbit/s'; Expected = 312500000 }
        @{ Text = '1Tbit/s'; Expected = 125000000000 }
        @{ Text = '800kbit/s'; Expected = 100000 }
        @{ Text = '8Kibit/s'; Expected = 1024 }
        @{ Text = '8bit/s'; Expected = 1 }
    ) {
        $rate.Transform($null, $Text) | Should -Be $Expected
    }

    It 'is refused: <Text>, <Reason>' -ForEach @(
        @{ Text = '10mb/s'; Reason = 'bits or bytes' }
        @{ Text = '10mbps'; Reason = 'bits or bytes' }
        @{ Text = '10Mb'; Reason = 'bits or bytes' }
        @{ Text = '10b/s'; Reason = 'bits or bytes' }
        @{ Text = '1bit/s'; Reason = 'whole number' }
        @{ Text = '32'; Reason = 'no unit' }
        @{ Text = 1000; Reason = 'no unit' }
        @{ Text = '-1MB/s'; Reason = 'below zero' }
        @{ Text = '1025GB/s'; Reason = '1 TiB/s' }
        @{ Text = '1e30Gbit/s'; Reason = '1 TiB/s' }
        @{ Text = 'NaN'; Reason = 'not a rate' }
        @{ Text = [double]::PositiveInfinity; Reason = 'not a rate' }
        @{ Text = '10MB/min'; Reason = 'not a rate' }
        @{ Text = '10 apples'; Reason = 'not a rate' }
    ) {
        { $rate.Transform($null, $Text) } | Should -Throw -ExpectedMessage "*$Reason*Mbit/s*"
    }

    It 'means the same as a parameter, a setting, a variable and in a file' {
        foreach ($command in (Get-Module PreRecordMigration).ExportedCmdlets.Values) {
            foreach ($parameter in $command.Parameters.Values.Where({ $_.Name -in 'Bandwidth', 'BandwidthLimit' })) {
                $attribute = $parameter.Attributes.Where({ $_.GetType().Name -eq 'SizeAttribute' })[0]
                $attribute.Transform($null, '10Mb/s') | Should -Be 1250000 -Because "$($command.Name) -$($parameter.Name)"
            }
        }

        $file = [System.IO.Path]::Combine($TestDrive, 'rates.json')
        [System.IO.File]::WriteAllText($file, '{ "BandwidthLimit": "10Mb/s", "Bandwidth": 1e6 }')
        $env:PRERECORD_CONFIGURATION = $file
        (Get-MigrationConfiguration BandwidthLimit).Value | Should -Be 1250000
        (Get-MigrationConfiguration Bandwidth).Value | Should -Be 1000000
        $env:PRERECORD_BANDWIDTH_LIMIT = '8Mbit/s'
        (Get-MigrationConfiguration BandwidthLimit).Value | Should -Be 1000000
        try {
            (Set-MigrationConfiguration BandwidthLimit 80Mb/s -PassThru).Value | Should -Be 10000000
            (Set-MigrationConfiguration BandwidthLimit 0x100000 -PassThru).Value | Should -Be 1048576
            { Set-MigrationConfiguration BandwidthLimit 80mb/s -ErrorAction Stop } | Should -Throw -ErrorId 'SettingInvalid,*'
        }
        finally {
            Set-MigrationConfiguration BandwidthLimit -Clear
        }
    }
}

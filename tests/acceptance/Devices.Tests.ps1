# What a destination has not of a domain's devices, or of its processors, is named, with what to do, before the domain stands still; the domain runs on, and nothing is left there.

BeforeAll {
    $null = New-SimulatedHost wired1
    $null = New-SimulatedHost nobridge2 -Without Bridge
    $null = New-SimulatedHost nodisk2 -Without Disk
    $null = New-SimulatedHost neither2 -Without Bridge, Disk
    $null = New-SimulatedHost noavx2 -Without Avx2
    $null = New-SimulatedDomain wired -HostName wired1 -Memory 8MB -OperationsPerSecond 20000
    function Test-RunsOn {
        $domain = Get-MigrationDomain wired
        "$($domain.HostName) $($domain.State)" | Should -Be 'wired1 Running'
        Get-MigrationDomain -HostName nobridge2, nodisk2, neither2, noavx2 | Should -BeNullOrEmpty
    }
}

AfterAll {
    Disconnect-MigrationHost wired1, nobridge2, nodisk2, neither2, noavx2
}

Describe 'A destination without <What>' -ForEach @(
    @{ What = 'the bridge'; There = 'nobridge2'; Message = 'network card 0: there is no bridge "simbr0"'
        Says = 'The destination has not what wired needs'; Id = 'DeviceMissing'; Category = 'ResourceUnavailable' }
    @{ What = 'the disk'; There = 'nodisk2'; Message = 'disk 0: "/dev/sim/disk" is not there'
        Says = 'The destination has not what wired needs'; Id = 'DeviceMissing'; Category = 'ResourceUnavailable' }
    @{ What = 'a feature of its processors'; There = 'noavx2'; Message = "CPUID 0x7:0.ebx: the domain has avx2, which this host's processors do not offer"
        Says = 'The destination cannot run wired'; Id = 'HostIncompatible'; Category = 'InvalidOperation' }
) {
    It 'is shown by Test-Migration, against every method' {
        $report = Test-Migration wired $There -Window 20ms
        $report.IsPossible | Should -BeFalse
        $problem = @($report.Incompatibilities)
        $problem.Count | Should -Be 1
        $problem[0].ErrorId | Should -Be $Id
        $problem[0].Message | Should -Be "${Says}: $Message."
        $problem[0].Remedy | Should -Match 'New-SimulatedHost -Without'
        $problem[0].Methods -join ', ' | Should -Be 'PreCopy, PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback'
        Test-RunsOn
    }

    It 'refuses a move before anything is touched: <Method>, -WhatIf:<WhatIf>' -ForEach @(
        foreach ($method in 'PreCopy', 'PostCopy', 'Hybrid', 'PreRecord') { foreach ($whatIf in $true, $false) { @{ Method = $method; WhatIf = $whatIf } } }
    ) {
        $before = @(Get-Migration | Where-Object Name -EQ 'wired').Count
        Invoke-PreRecordMigration wired $There -Method $Method -WhatIf:$WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand"
        "$($problems[0].CategoryInfo.Category)" | Should -Be $Category
        $problems[0].Exception.Message | Should -Match ([regex]::Escape($Message))
        @(Get-Migration | Where-Object Name -EQ 'wired').Count | Should -Be $before
        Test-RunsOn
    }

    It 'says so itself where nobody asks it before: what is recorded is let go, and runs on' {
        $receiver = Start-MigrationReceiver $There
        try {
            (Test-Migration wired "localhost:$($receiver.Port)" -Window 20ms).Incompatibilities.ErrorId | Should -Be $Id
            Start-PreRecord wired -Mode Rollback -Window 50ms -Epoch 20ms |
                Start-Migration -Destination "localhost:$($receiver.Port)" |
                Wait-Migration -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems[0].FullyQualifiedErrorId | Should -BeLike "$Id,*"
            $problems[0].Exception.Message | Should -Match ([regex]::Escape($Message))
            Get-PreRecord | Should -BeNullOrEmpty
            Test-RunsOn
        }
        finally {
            Stop-MigrationReceiver $There
        }
    }
}

Describe 'A destination that lacks several devices' {
    It 'names each by itself in a report, and all of them in the error of a move' {
        $report = Test-Migration wired neither2 -Window 20ms
        @($report.Incompatibilities.ErrorId) | Should -Be 'DeviceMissing', 'DeviceMissing'
        Invoke-PreRecordMigration wired neither2 -Method PreCopy -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].Exception.Message | Should -Match 'network card 0: .*; disk 0: '
        Test-RunsOn
    }

    It 'starts no domain either' {
        { New-SimulatedDomain never -HostName nobridge2 -ErrorAction Stop } | Should -Throw -ErrorId 'DeviceMissing,*'
        { New-SimulatedDomain never -HostName noavx2 -ErrorAction Stop } | Should -Throw -ErrorId 'HostIncompatible,*'
    }
}

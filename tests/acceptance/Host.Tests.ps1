Describe 'New-SimulatedHost' {
    AfterEach {
        Get-MigrationHost new* | Disconnect-MigrationHost
    }

    It 'makes a host that Get-MigrationHost lists' {
        $made = New-SimulatedHost new1
        $made.Name | Should -BeExactly 'new1'
        $made.Hypervisor | Should -Be 'Simulated'
        $made.DomainCount | Should -Be 0
        $made.FreeMemoryBytes | Should -Be 4GB
        (Get-MigrationHost new1).Name | Should -BeExactly 'new1'
    }

    It 'takes names from the pipeline' {
        ('new1', 'new2' | New-SimulatedHost).Name -join ',' | Should -Be 'new1,new2'
    }

    It 'makes nothing with -WhatIf' {
        New-SimulatedHost new3 -WhatIf | Should -BeNullOrEmpty
        Get-MigrationHost new* | Should -BeNullOrEmpty
    }

    It 'refuses a name that is taken, and goes on with the next' {
        $null = New-SimulatedHost new1
        $made = New-SimulatedHost NEW1, new2 -ErrorAction SilentlyContinue -ErrorVariable failed
        $made.Name | Should -Be 'new2'
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostExists,PreRecordMigration.Cmdlets.NewSimulatedHostCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ResourceExists'
        $failed[0].TargetObject | Should -Be 'NEW1'
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
}

Describe 'Get-MigrationHost' {
    BeforeAll {
        $null = New-SimulatedHost get1, get2
    }

    AfterAll {
        Disconnect-MigrationHost get*
    }

    It 'understands wildcards' {
        (Get-MigrationHost get*).Name -join ',' | Should -Be 'get1,get2'
        (Get-MigrationHost GET?).Count | Should -Be 2
        Get-MigrationHost none* | Should -BeNullOrEmpty
    }

    It 'takes names from the pipeline' {
        ('get1' | Get-MigrationHost).Name | Should -Be 'get1'
    }

    It 'says so where there is no such host' {
        Get-MigrationHost nowhere -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostNotFound,PreRecordMigration.Cmdlets.GetMigrationHostCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failed[0].TargetObject | Should -Be 'nowhere'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'Connect-MigrationHost nowhere -Address'
    }
}

Describe 'Test-MigrationHost' {
    BeforeAll {
        $null = New-SimulatedHost test1
        $null = New-SimulatedHost test2 -Without RemotePF, Rollback
    }

    AfterAll {
        Disconnect-MigrationHost test*
    }

    It 'reports every capability once' {
        $report = Test-MigrationHost test1
        $report.Count | Should -Be ([Enum]::GetValues([PreRecordMigration.Hypervisor.MigrationCapability]).Count)
        $report.Where({ -not $_.IsAvailable }).Count | Should -Be 0
        $report[0].HostName | Should -Be 'test1'
    }

    It 'says what is missing, what to do about it and what it would give' {
        $missing = @(Get-MigrationHost test2 | Test-MigrationHost).Where({ -not $_.IsAvailable })
        $missing.ForEach({ "$($_.Capability)" }) -join ',' | Should -Be 'Rollback,RemotePF'
        foreach ($item in $missing) {
            $item.Reason | Should -Not -BeNullOrEmpty
            $item.Remedy | Should -Not -BeNullOrEmpty
            $item.Gain | Should -Not -BeNullOrEmpty
        }
    }

    It 'says so where there is no such host' {
        Test-MigrationHost nowhere -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostNotFound,PreRecordMigration.Cmdlets.TestMigrationHostCommand'
    }
}

Describe 'Disconnect-MigrationHost' {
    It 'ends a simulated host and its domains' {
        $null = New-SimulatedHost gone
        $null = New-SimulatedDomain guest -HostName gone -Memory 8MB -Workload Idle
        Get-MigrationHost gone | Disconnect-MigrationHost
        Get-MigrationHost gone* | Should -BeNullOrEmpty
    }

    It 'leaves everything with -WhatIf' {
        $null = New-SimulatedHost stays
        Disconnect-MigrationHost stays -WhatIf
        (Get-MigrationHost stays).Name | Should -Be 'stays'
        Disconnect-MigrationHost stays
    }

    It 'refuses a host that still receives' {
        $null = New-SimulatedHost busy
        $null = Start-MigrationReceiver busy
        Disconnect-MigrationHost busy -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostBusy,PreRecordMigration.Cmdlets.DisconnectMigrationHostCommand'
        Stop-MigrationReceiver busy
        Disconnect-MigrationHost busy
    }

    It 'says so where there is no such host' {
        { Disconnect-MigrationHost nowhere -ErrorAction Stop } | Should -Throw -ErrorId 'HostNotFound,PreRecordMigration.Cmdlets.DisconnectMigrationHostCommand'
    }
}

Describe 'Connect-MigrationHost' {
    BeforeAll {
        # The library is looked for once in a process, when Xen is first named: here, and not before.
        $env:PRERECORD_XEN_LIBRARY = '/nonexistent/libprerecordxen.so'
    }

    It 'says that the library for Xen is missing, and what to install' {
        Connect-MigrationHost -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'LibraryMissing,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'NotInstalled'
        $failed[0].Exception.Message | Should -Match 'libprerecordxen'
        $failed[0].Exception.Message | Should -Not -Match "`n|LD_DEBUG|strace" -Because 'the loader has advice for programmers'
        $readme = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'README.md'))
        $command = [regex]::Match($failed[0].ErrorDetails.RecommendedAction, 'apt-get install .* && module/build\.sh').Value
        $command | Should -Not -BeNullOrEmpty
        $readme.Contains($command, [StringComparison]::Ordinal) | Should -BeTrue -Because 'there is one way, and the README tells it'
    }

    It 'names the hosts that are known, one of which may have been meant' -Skip:([System.IO.File]::Exists('/proc/xen/capabilities')) {
        $null = New-SimulatedHost meant1, meant2
        try {
            Start-MigrationReceiver -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed[0].FullyQualifiedErrorId | Should -Be 'LibraryMissing,PreRecordMigration.Cmdlets.StartMigrationReceiverCommand'
            $failed[0].Exception.Message | Should -Match 'this machine, has no Xen that can be used'
            $failed[0].ErrorDetails.RecommendedAction | Should -Match '^Name the host that is meant: meant1, meant2\. Where it is this machine: .*apt-get'
        }
        finally {
            Disconnect-MigrationHost meant1, meant2
        }
    }

    It 'says so again wherever this machine is named' {
        Test-MigrationHost -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'LibraryMissing,PreRecordMigration.Cmdlets.TestMigrationHostCommand'
        { Invoke-PreRecordMigration any -Destination ([Environment]::MachineName) } | Should -Throw -ErrorId 'LibraryMissing,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        Get-MigrationHost ([Environment]::MachineName + '*') | Should -BeNullOrEmpty
    }

    It 'opens nothing with -WhatIf' {
        Connect-MigrationHost -WhatIf | Should -BeNullOrEmpty
    }

    It 'knows no other machine, and says how to reach one' {
        Connect-MigrationHost elsewhere -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostNotFound,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match '-Address elsewhere:7000 .*-SshTarget root@elsewhere.*-Destination localhost:PORT'
    }

    It 'says of an address where it goes: <Name>' -ForEach @(
        @{ Name = 'localhost:1'; Says = 'give -Destination localhost:1\. .*-Address xen2:7000 .*-SshTarget root@xen2' }
        @{ Name = '127.0.0.1:7000'; Says = 'give -Destination 127\.0\.0\.1:7000\.' }
        @{ Name = 'xen7:7001'; Says = 'xen2 -Address xen7:7001 .*xen2 -SshTarget root@xen7 -Port 7001\..*-Destination localhost:PORT' }
        @{ Name = 'a..b'; Says = '-Address xen2:7000 ' }
    ) {
        Connect-MigrationHost $Name -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'HostNotFound,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match $Says
    }

    Context 'with a port' {
        BeforeAll {
            $null = New-MigrationCertificate porta, portb -Path $TestDrive
            $identity = @{ Certificate = "$TestDrive/porta.pem"; TrustedCertificate = "$TestDrive/portb.pem" }
        }

        AfterEach {
            Disconnect-MigrationHost ported -ErrorAction SilentlyContinue
        }

        It 'takes it from where it stands: <Address> <Port>' -ForEach @(
            @{ Address = '192.0.2.1'; Port = $null; Expected = '192.0.2.1:7000' }
            @{ Address = '192.0.2.1:7001'; Port = $null; Expected = '192.0.2.1:7001' }
            @{ Address = '192.0.2.1'; Port = 7002; Expected = '192.0.2.1:7002' }
            @{ Address = '192.0.2.1:7002'; Port = 7002; Expected = '192.0.2.1:7002' }
        ) {
            $given = $null -eq $Port ? @{} : @{ Port = $Port }
            (Connect-MigrationHost ported -Address $Address @given @identity).Address | Should -Be $Expected
            Disconnect-MigrationHost ported
            ([pscustomobject] @{ Name = 'ported'; Address = $Address; Port = "$Port" } | Connect-MigrationHost @identity).Address | Should -Be $Expected
        }

        It 'refuses two that differ, on the command line and in a row' {
            $row = [pscustomobject] @{ Name = 'ported'; Address = '[fd00::2]:7001'; Port = '7002' }
            foreach ($command in { Connect-MigrationHost ported -Address '[fd00::2]:7001' -Port 7002 @identity @quiet }, { $row | Connect-MigrationHost @identity @quiet }) {
                $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:failed' }
                & $command | Should -BeNullOrEmpty
                $failed[0].FullyQualifiedErrorId | Should -Be 'AddressTwoPorts,PreRecordMigration.Cmdlets.ConnectMigrationHostCommand'
                $failed[0].ErrorDetails.RecommendedAction | Should -Match '-Address \[fd00::2\]:7001, or -Address \[fd00::2\] -Port 7002'
            }
        }
    }
}

Describe 'Completion of host names' {
    BeforeAll {
        $null = New-SimulatedHost tab1, 'tab two'
    }

    AfterAll {
        Disconnect-MigrationHost 'tab*'
    }

    It 'offers the hosts there are, quoted where that is needed' {
        $line = 'Get-MigrationHost -Name tab'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        $found.ForEach({ $_.CompletionText }) -join ',' | Should -Be "'tab two',tab1"
    }

    It 'offers them as destinations' {
        $line = 'Invoke-PreRecordMigration web01 -Destination tab1'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        $found.ForEach({ $_.CompletionText }) -join ',' | Should -Be 'tab1'
    }
}

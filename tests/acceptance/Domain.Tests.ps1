Describe 'New-SimulatedDomain' {
    BeforeAll {
        $null = New-SimulatedHost small -Memory 64MB
    }

    AfterAll {
        Disconnect-MigrationHost small
    }

    It 'starts a guest: <_>' -ForEach 'Idle', 'Sequential', 'HotSet', 'ManyProcesses' {
        $domain = New-SimulatedDomain "guest-$_" -HostName small -Workload $_ -Memory 12MB
        $domain.Name | Should -BeExactly "guest-$_"
        $domain.HostName | Should -Be 'small'
        "$($domain.State)" | Should -Be 'Running'
        $domain.MemoryBytes | Should -Be 12MB
        $domain.PageCount | Should -BeGreaterOrEqual 3072
    }

    It 'starts a guest with the access pattern <_>' -ForEach 'Strided', 'UniformRandom', 'ZipfHotSet', 'PhaseChanging' {
        $null = New-SimulatedHost patterns -Memory 8MB
        try {
            (New-SimulatedDomain patterned -HostName patterns -Workload $_ -Memory 8MB).Name | Should -BeExactly 'patterned'
        }
        finally {
            Disconnect-MigrationHost patterns
        }
    }

    It 'takes names from the pipeline' {
        ('p1', 'p2' | New-SimulatedDomain -HostName small -Memory 4MB -Workload Idle).Name -join ',' | Should -Be 'p1,p2'
    }

    It 'starts nothing with -WhatIf' {
        New-SimulatedDomain never -HostName small -Memory 4MB -WhatIf | Should -BeNullOrEmpty
        Get-MigrationDomain neve* -HostName small | Should -BeNullOrEmpty
    }

    It 'refuses <Id>' -ForEach @(
        @{ Id = 'HostNotFound'; Arguments = @{ Name = 'x'; HostName = 'nowhere' }; Category = 'ObjectNotFound' }
        @{ Id = 'OutOfMemory'; Arguments = @{ Name = 'x'; HostName = 'small'; Memory = 128MB }; Category = 'ResourceUnavailable' }
        @{ Id = 'DomainExists'; Arguments = @{ Name = 'p1'; HostName = 'small'; Memory = 4MB }; Category = 'ResourceExists' }
        @{ Id = 'InvalidOption'; Arguments = @{ Name = 'x'; HostName = 'small'; Memory = 4097 }; Category = 'InvalidArgument' }
        @{ Id = 'InvalidOption'; Arguments = @{ Name = 'x'; HostName = 'small'; WritePercent = 101 }; Category = 'InvalidArgument' }
        @{ Id = 'InvalidOption'; Arguments = @{ Name = 'x'; HostName = 'small'; ContentPeriod = 100 }; Category = 'InvalidArgument' }
    ) {
        New-SimulatedDomain @Arguments -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be "$Id,PreRecordMigration.Cmdlets.NewSimulatedDomainCommand"
        $failed[0].CategoryInfo.Category | Should -Be $Category
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
}

Describe 'Get-MigrationDomain' {
    BeforeAll {
        $null = New-SimulatedHost left, right
        $null = New-SimulatedDomain web01, web02, db01 -HostName left -Memory 4MB -Workload Idle
        $null = New-SimulatedDomain web03 -HostName right -Memory 4MB -Workload Idle
    }

    AfterAll {
        Disconnect-MigrationHost left, right
    }

    It 'lists the domains of every host' {
        $names = (Get-MigrationDomain -HostName left, right).Name
        $names -join ',' | Should -Be 'db01,web01,web02,web03'
    }

    It 'understands wildcards, in names and hosts' {
        (Get-MigrationDomain web*).Name -join ',' | Should -Be 'web01,web02,web03'
        (Get-MigrationDomain web* -HostName r*).Name | Should -Be 'web03'
        Get-MigrationDomain none* | Should -BeNullOrEmpty
    }

    It 'takes names from the pipeline, without regard to case' {
        ('WEB01', 'db01' | Get-MigrationDomain).Name -join ',' | Should -Be 'web01,db01'
    }

    It 'returns typed properties' {
        $domain = Get-MigrationDomain db01
        $domain | Should -BeOfType ([PreRecordMigration.Hypervisor.DomainInfo])
        $domain.MemoryBytes | Should -BeOfType ([long])
        "$($domain.Kind)" | Should -Be 'Simulated'
    }

    It 'says so where there is no such domain, and goes on with the next' {
        $found = Get-MigrationDomain nothere, web01 -ErrorAction SilentlyContinue -ErrorVariable failed
        $found.Name | Should -Be 'web01'
        $failed[0].FullyQualifiedErrorId | Should -Be 'DomainNotFound,PreRecordMigration.Cmdlets.GetMigrationDomainCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failed[0].TargetObject | Should -Be 'nothere'
        $failed[0].ErrorDetails.RecommendedAction | Should -Match 'Get-MigrationDomain'
    }

    It 'ends where there is no such host' {
        { Get-MigrationDomain -HostName nowhere } | Should -Throw -ErrorId 'HostNotFound,PreRecordMigration.Cmdlets.GetMigrationDomainCommand'
    }

    It 'completes names, of one host where that is named' {
        $line = 'Get-MigrationDomain web'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        $found.ForEach({ $_.CompletionText }) -join ',' | Should -Be 'web01,web02,web03'
        $line = 'Get-MigrationDomain -HostName right -Name web'
        $found = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
        $found.ForEach({ $_.CompletionText }) -join ',' | Should -Be 'web03'
    }
}

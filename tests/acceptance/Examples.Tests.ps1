Describe 'The examples' {
    BeforeAll {
        $examples = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'examples')
    }

    It 'Compare-Methods.ps1 moves a guest by every method' {
        $results = & ([System.IO.Path]::Combine($examples, 'Compare-Methods.ps1')) -Memory 16MB -Window 100ms -Epoch 20ms
        $results.ForEach({ "$($_.Method) $($_.Mode)".Trim() }) -join ', ' | Should -Be 'PreCopy, PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback'
        $results[0].RemoteFaults | Should -Be 0
        $results[4].RollbackProof.IsProved | Should -BeTrue
        Get-MigrationHost sim* | Should -BeNullOrEmpty
    }

    It 'Compare-Methods.ps1 refuses what cannot be before it moves anything: <Name> <Value>' -ForEach @(
        @{ Name = 'Window'; Value = 'abc' }
        @{ Name = 'Epoch'; Value = '1min' }
        @{ Name = 'BandwidthLimit'; Value = 'fast' }
        @{ Name = 'Workload'; Value = 'None' }
    ) {
        $given = @{ $Name = $Value }
        $moved = [System.Collections.Generic.List[object]]::new()
        { & ([System.IO.Path]::Combine($examples, 'Compare-Methods.ps1')) -Memory 16MB @given | ForEach-Object { $moved.Add($_) } } | Should -Throw "*$Name*"
        $moved.Count | Should -Be 0
        Get-MigrationHost sim* | Should -BeNullOrEmpty
    }

    It 'Move-Recorded.ps1 moves a domain step by step' {
        $result = @(& ([System.IO.Path]::Combine($examples, 'Move-Recorded.ps1')))[-1]
        $result.DomainName | Should -Be 'web01'
        "$($result.Mode)" | Should -Be 'Observe'
        Get-MigrationHost sim* | Should -BeNullOrEmpty
    }

    It 'Move-InPipeline.ps1 moves web01 to xen2 in one pipeline' {
        $result = & ([System.IO.Path]::Combine($examples, 'Move-InPipeline.ps1'))
        $result.DomainName | Should -Be 'web01'
        $result.Destination | Should -Be 'xen2'
        "$($result.Mode)" | Should -Be 'Observe'
        $result.RecordedPages | Should -BeGreaterThan 0
        Get-MigrationHost xen* | Should -BeNullOrEmpty
    }

    It 'Move-InPipeline.ps1 makes hosts of its own beside one whose name only begins like the destination' {
        $null = New-SimulatedHost xen25
        try {
            (& ([System.IO.Path]::Combine($examples, 'Move-InPipeline.ps1'))).Destination | Should -Be 'xen2'
            (Get-MigrationHost xen*).Name | Should -Be 'xen25'
        }
        finally {
            Disconnect-MigrationHost xen25
        }
    }

    It 'Move-Ordered.ps1 moves web01 to xen2 with two predictions composed' {
        $result = & ([System.IO.Path]::Combine($examples, 'Move-Ordered.ps1'))
        $result.DomainName | Should -Be 'web01'
        $result.Destination | Should -Be 'xen2'
        Get-MigrationHost xen* | Should -BeNullOrEmpty
    }

    It 'Move-Tested.ps1 tests first, and moves by what is advised' {
        $result = & ([System.IO.Path]::Combine($examples, 'Move-Tested.ps1'))
        $result.DomainName | Should -Be 'web01'
        $result.Destination | Should -Be 'xen2'
        Get-MigrationHost xen* | Should -BeNullOrEmpty
    }

    It 'Show-Fleet.ps1 says what moving every web domain would be, and moves none' {
        $reports = @(& ([System.IO.Path]::Combine($examples, 'Show-Fleet.ps1')))
        $reports.DomainName -join ',' | Should -Be 'web01,web02'
        $reports[0] | Should -BeOfType ((Get-Command Test-Migration).OutputType[0].Type)
        Get-MigrationHost xen* | Should -BeNullOrEmpty
    }
}

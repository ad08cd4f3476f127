# What a destination lets in: its policy is shown before anything moves, and holds when it does.

BeforeAll {
    $policy = [System.IO.Path]::Combine($TestDrive, 'policy.json')
    function Set-Policy([string] $text) { [System.IO.File]::WriteAllText($policy, $text) }
    Set-Policy '{ "kinds": ["simulated"] }'
    $null = New-SimulatedHost open1
    $null = New-SimulatedHost strict2 -Policy $policy
    $null = New-SimulatedDomain wished -HostName open1 -Memory 8MB -OperationsPerSecond 20000
}

AfterAll {
    Disconnect-MigrationHost open1, strict2
}

Describe 'A policy' {
    BeforeEach {
        Set-Policy '{ "kinds": ["simulated"], "maximumMemory": "4MiB", "maximumVcpus": 1 }'
    }

    It 'is shown by Test-Migration, each refusal by itself with the line that lets it in' {
        $report = Test-Migration wished strict2 -Window 20ms
        $report.IsPossible | Should -BeFalse
        $problem = @($report.Incompatibilities)
        $problem.Count | Should -Be 1
        $problem[0].ErrorId | Should -Be 'RefusedByPolicy'
        $problem[0].Message | Should -Match 'does not let wished in: memory: it has 8388608 bytes, more than 4194304'
        $problem[0].Remedy | Should -Match ([regex]::Escape("$policy on the destination needs: `"maximumMemory`": 8388608"))
        $problem[0].Methods -join ', ' | Should -Be 'PreCopy, PostCopy, Hybrid, PreRecord Observe, PreRecord Rollback'
        "$((Get-MigrationDomain wished).State)" | Should -Be 'Running'
    }

    It 'refuses a move before anything is touched, -WhatIf too' -ForEach @(@{ WhatIf = $true }, @{ WhatIf = $false }) {
        Invoke-PreRecordMigration wished strict2 -Method PostCopy -WhatIf:$WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].FullyQualifiedErrorId | Should -Be 'RefusedByPolicy,PreRecordMigration.Cmdlets.InvokePreRecordMigrationCommand'
        "$($problems[0].CategoryInfo.Category)" | Should -Be 'PermissionDenied'
        $problems[0].ErrorDetails.RecommendedAction | Should -Match 'maximumMemory'
        Get-Migration | Where-Object Name -EQ 'wished' | Should -BeNullOrEmpty
        "$((Get-MigrationDomain wished -HostName open1).State)" | Should -Be 'Running'
    }

    It 'is asked of another machine, over the connection that its receiver takes' {
        $receiver = Start-MigrationReceiver strict2
        try {
            $report = Test-Migration wished "localhost:$($receiver.Port)" -Window 20ms
            $report.IsPossible | Should -BeFalse
            @($report.Incompatibilities.ErrorId) | Should -Be 'RefusedByPolicy'

            # Nothing asks on the way through a tunnel: the receiver says it itself, and the domain runs on.
            Invoke-PreRecordMigration wished "localhost:$($receiver.Port)" -Method PostCopy -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems[0].FullyQualifiedErrorId | Should -BeLike 'RefusedByPolicy,*'
            "$((Get-MigrationDomain wished -HostName open1).State)" | Should -Be 'Running'
        }
        finally {
            Stop-MigrationReceiver strict2
        }
    }

    It 'that cannot be used lets nothing in, and says why: <Case>' -ForEach @(
        @{ Case = 'a key that nobody knows'; Text = '{ "kind": ["simulated"] }'; Id = 'InvalidFile'; Match = 'the key kind' }
        @{ Case = 'no JSON'; Text = 'kinds: simulated'; Id = 'InvalidFile'; Match = 'no JSON' }
    ) {
        Set-Policy $Text
        $report = Test-Migration wished strict2 -Window 20ms
        $report.IsPossible | Should -BeFalse
        $report.Incompatibilities[0].ErrorId | Should -Be $Id
        $report.Incompatibilities[0].Message | Should -Match $Match
        { New-SimulatedHost never -Policy $policy -ErrorAction Stop } | Should -Throw -ErrorId "$Id,*"
    }

    It 'that others may write lets nothing in' {
        [System.IO.File]::SetUnixFileMode($policy, [System.IO.UnixFileMode] 'UserRead, UserWrite, OtherWrite')
        try {
            $report = Test-Migration wished strict2 -Window 20ms
            $report.Incompatibilities[0].ErrorId | Should -Be 'FileNotTrusted'
            $report.Incompatibilities[0].Message | Should -Match 'everybody may write'
        }
        finally {
            [System.IO.File]::SetUnixFileMode($policy, [System.IO.UnixFileMode] 'UserRead, UserWrite')
        }
    }

    It 'that is gone lets nothing in, and one that names the domain lets it in' {
        Remove-Item $policy
        (Test-Migration wished strict2 -Window 20ms).Incompatibilities[0].Message | Should -Match 'kind: Simulated domains are not let in'
        Set-Policy '{ "kinds": ["simulated"], "maximumMemory": "8MiB" }'
        $report = Test-Migration wished strict2 -Window 20ms
        $report.IsPossible | Should -BeTrue
        $report.Incompatibilities.Count | Should -Be 0
        (Invoke-PreRecordMigration wished strict2 -Method PostCopy).Destination | Should -Be 'strict2'
        "$((Get-MigrationDomain wished -HostName strict2).State)" | Should -Be 'Running'
    }
}

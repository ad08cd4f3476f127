# What somebody else writes is shown, and no terminal obeys it.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'FakePeer.ps1'))
    $null = New-SimulatedHost text1
    $null = New-SimulatedDomain victim -HostName text1 -Memory 4MB -Workload Idle
    $hostile = "web`e[2J$([char] 0x9b)31m`r`n$([char] 0x202e)$([char] 0x2028) 名前"
    $shown = 'web\u001B[2J\u009B31m\u000D\u000A\u202E\u2028 名前'

    # Characters that are obeyed; the ends of lines are the formatter's.
    $obeyed = '[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]'
    function Start-Peer($record) {
        $welcome = [PreRecordMigration.Transfer.WelcomeRecord]::new([PreRecordMigration.Transfer.Protocol]::Version, 0)
        Start-FakePeer ([byte[]] (@($welcome, $record).ForEach({ [PreRecordMigration.Transfer.RecordCodec]::Encode($_) })))
    }
}

AfterAll {
    Disconnect-MigrationHost text1
}

Describe 'What a peer says' {
    It 'reaches the terminal escaped: <Kind>' -ForEach @(
        @{ Kind = 'an error that ends a move'; Make = { [PreRecordMigration.Transfer.AbortRecord]::new('DomainBusy', $hostile, $hostile) } }
        @{ Kind = 'a verdict, where an error is due'; Make = {
                [PreRecordMigration.Transfer.VerdictRecord]::new([PreRecordMigration.Policies.AdmissionVerdict]::new($hostile,
                        [PreRecordMigration.Policies.AdmissionRefusal[]] @([PreRecordMigration.Policies.AdmissionRefusal]::new($hostile, $hostile, $hostile)))) }
        }
    ) {
        $record = & $Make
        $peer = Start-Peer $record
        try {
            $problems = $null
            $all = Invoke-PreRecordMigration victim -Destination "localhost:$($peer.Port)" -Method PostCopy -Verbose -ErrorVariable problems -ErrorAction Continue *>&1
            $problems[0].Exception.Message | Should -Not -Match $obeyed
            $problems[0].ErrorDetails.RecommendedAction | Should -Not -Match $obeyed
            if ($Kind -match 'an error that') {
                $problems[0].Exception.Message | Should -Match ([regex]::Escape($shown))
                $problems[0].ErrorDetails.RecommendedAction | Should -Match ([regex]::Escape($shown))
            }

            # What PowerShell colours by itself is not ours.
            ($all | Out-String) -replace "`e\[[0-9;]*m" | Should -Not -Match $obeyed
        }
        finally {
            Stop-FakePeer $peer
        }
    }

    It 'is escaped in what Test-Migration returns' {
        $peer = Start-Peer ([PreRecordMigration.Transfer.VerdictRecord]::new([PreRecordMigration.Policies.AdmissionVerdict]::new($hostile,
                    [PreRecordMigration.Policies.AdmissionRefusal[]] @([PreRecordMigration.Policies.AdmissionRefusal]::new($hostile, $hostile, $hostile)))))
        try {
            $report = Test-Migration victim "localhost:$($peer.Port)" -Window 20ms
            $report.IsPossible | Should -BeFalse
            $problem = @($report.Incompatibilities)[0]
            $problem.Message | Should -Match ([regex]::Escape($shown))
            $problem.Remedy | Should -Match ([regex]::Escape($shown))
            $report | ConvertTo-Json -Depth 5 | ConvertFrom-Json | Out-String | Should -Not -Match $obeyed
            $report | Format-List * | Out-String | ForEach-Object { $_ -replace "`e\[[0-9;]*m" } | Should -Not -Match $obeyed
        }
        finally {
            Stop-FakePeer $peer
        }
    }
}

Describe 'A name' {
    It 'is refused where it cannot be shown as it is, and the error shows it' {
        $failed = { New-SimulatedDomain "web`e[2J" -HostName text1 -ErrorAction Stop } | Should -Throw -PassThru -ErrorId 'InvalidOption,*'
        $failed.Exception.Message | Should -Match ([regex]::Escape('web\u001B[2J'))
        $failed.Exception.Message | Should -Not -Match $obeyed
        Get-MigrationDomain web* -HostName text1 | Should -BeNullOrEmpty
    }

    It 'of another script is shown as it is' {
        (New-SimulatedDomain 名前 -HostName text1 -Memory 4MB -Workload Idle).Name | Should -Be '名前'
        (Get-MigrationDomain 名前).Name | Should -Be '名前'
    }

    It 'that is not there is shown escaped in the error' {
        $failed = { Get-MigrationDomain "no$([char] 0x9b)x`a" -ErrorAction Stop } | Should -Throw -PassThru
        "$failed" | Should -Match ([regex]::Escape('no\u009Bx\u0007'))
        "$failed" | Should -Not -Match $obeyed
    }
}

# The module beside PowerShell's own: jobs, the help system, formatting into text.

BeforeDiscovery {
    $exported = [System.IO.File]::ReadAllLines([System.IO.Path]::Combine($PSScriptRoot, 'Exports.txt')).ForEach({ $_.Split(' ')[0] })
}

BeforeAll {
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
    $faults = [System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1')
}

Describe 'In a job' {
    BeforeAll {
        # Everything that changes something, in a process or runspace where nobody could answer. A prompt would block it.
        $work = {
            param($manifest, $faults, $folder)
            Import-Module $manifest
            . $faults
            $null = New-SimulatedHost injob1, injob2
            $null = New-SimulatedDomain joblost, jobheld, jobmoved -HostName injob1 -Memory 8MB -OperationsPerSecond 20000
            (Get-SimulatedHost injob2).Faults.Fail('Place', 2)
            $id = (Start-Migration joblost injob2 -Method PostCopy).Id
            Wait-Migration -Id $id -ErrorAction SilentlyContinue
            Stop-Migration -Id $id -ErrorAction SilentlyContinue -ErrorVariable refused
            "refused: $($refused[0].FullyQualifiedErrorId)"
            "given up: $((Stop-Migration -Id $id -Force).State)"
            $recorded = Start-PreRecord jobheld -Mode Rollback -Window 40ms -Epoch 20ms | Set-PageOrder -Strategy Sequential | Enable-RemotePF -Destination injob2
            $null = $recorded | Export-PreRecord "$folder/held.prerecord"
            "restored: $(($recorded | Restore-PageBackup).Name)"
            $null = New-MigrationCertificate injob -Path $folder
            $null = Set-MigrationConfiguration ThrottleLimit 2
            $null = Set-MigrationConfiguration ThrottleLimit -Clear
            $null = Start-MigrationReceiver injob2
            Stop-MigrationReceiver injob2
            $result = Invoke-PreRecordMigration jobmoved injob2 -Window 40ms -Epoch 20ms
            "moved: $($result.DomainName) $($result.Downtime.GetType().Name)"
            Disconnect-MigrationHost injob1, injob2
        }
    }

    It 'nothing ever asks: <_>' -ForEach 'Start-Job', 'Start-ThreadJob' {
        $folder = [System.IO.Path]::Combine($TestDrive, $_)
        $null = [System.IO.Directory]::CreateDirectory($folder)
        $job = & $_ -ScriptBlock $work -ArgumentList $manifest, $faults, $folder
        try {
            # A job that asks is Blocked, and Wait-Job returns.
            $null = Wait-Job $job
            "$($job.State)" | Should -Be 'Completed'
            Receive-Job $job | Should -Be @(
                'refused: ForceNeeded,PreRecordMigration.Cmdlets.StopMigrationCommand', 'given up: Failed', 'restored: jobheld', 'moved: jobmoved TimeSpan')
        }
        finally {
            Remove-Job $job -Force
        }
    }

    It 'hosts, domains and handles of the session are there' {
        $null = New-SimulatedHost thread1, thread2
        $null = New-SimulatedDomain threaded, 'parallel 1', 'parallel 2' -HostName thread1 -Memory 8MB -OperationsPerSecond 20000
        $handle = Start-Migration threaded thread2 -Method PostCopy
        $result = Start-ThreadJob { Import-Module $using:manifest; $using:handle | Wait-Migration } | Receive-Job -Wait -AutoRemoveJob
        $result.DomainName | Should -Be 'threaded'
        $results = Get-MigrationDomain 'parallel*' | ForEach-Object -ThrottleLimit 2 -Parallel {
            Import-Module $using:manifest
            $_ | Invoke-PreRecordMigration -Destination thread2 -Method PostCopy
        }
        ($results.DomainName | Sort-Object) -join ',' | Should -Be 'parallel 1,parallel 2'
        Disconnect-MigrationHost thread1, thread2
    }
}

Describe 'The help of <_>' -ForEach $exported {
    It 'is shown by Get-Help, in full' {
        $command = Get-Command $_ -Module PreRecordMigration
        $text = Get-Help $command.Name -Full | Out-String -Width 120
        foreach ($title in 'NAME', 'SYNOPSIS', 'SYNTAX', 'DESCRIPTION', 'PARAMETERS', 'INPUTS', 'OUTPUTS', 'RELATED LINKS') {
            $text | Should -MatchExactly "(?m)^$title"
        }

        $text | Should -Match '- Example 1 -'
        $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
        foreach ($parameter in $command.Parameters.Keys.Where({ $_ -notin $common })) {
            $text | Should -Match "(?m)^    -$parameter\b"
            "$((Get-Help $command.Name -Parameter $parameter).description.Text)" | Should -Not -BeNullOrEmpty
        }
    }
}

Describe 'The help' {
    It 'has the topics' {
        Get-Help about_PreRecordMigration | Out-String | Should -Match 'checkpoint'
        Get-Help about_RemotePF | Out-String | Should -Match 'remote page fault'
        Get-Help about_MigrationFailure | Out-String | Should -Match 'lost'
    }

    It 'finds cmdlets by a part of their name' {
        (Get-Help '*-PageOrder').Name | Sort-Object | Should -Be @('Get-PageOrder', 'Measure-PageOrder', 'Set-PageOrder')
    }
}

Describe 'Formatted output' {
    BeforeAll {
        $null = New-SimulatedHost format1, format2
        $null = New-SimulatedDomain shown, moved -HostName format1 -Memory 8MB -OperationsPerSecond 20000
        $recorded = Start-PreRecord shown -Window 40ms -Epoch 20ms
        $null = Start-MigrationReceiver format2
        $shown = @{
            'hosts'           = Get-MigrationHost format*
            'capabilities'    = Test-MigrationHost format1
            'domains'         = Get-MigrationDomain -HostName format1
            'recordings'      = $recorded
            'backups'         = $recorded | Get-PageBackup
            'orders'          = $recorded | Get-PageOrder -Strategy Auto
            'decisions'       = $recorded | Get-RemotePF
            'replays'         = $recorded | Measure-PageOrder
            'reports'         = Test-Migration moved format2 -Window 40ms -Epoch 20ms
            'results'         = Invoke-PreRecordMigration moved format2 -Window 40ms -Epoch 20ms
            'receivers'       = Get-MigrationReceiver format2
            'settings'        = Get-MigrationConfiguration
            'certificates'    = New-MigrationCertificate format -Path $TestDrive
        }
        $shown['migrations'] = Get-Migration moved
        $shown['incoming'] = $shown['receivers'].Incoming
        $shown['estimates'] = $shown['reports'].Estimates
    }

    AfterAll {
        $recorded | Stop-PreRecord
        Stop-MigrationReceiver format2
        Disconnect-MigrationHost format1, format2
    }

    It 'of <_> is a table within 80 columns, and a list' -ForEach @(
        'hosts', 'capabilities', 'domains', 'recordings', 'backups', 'orders', 'decisions', 'replays', 'reports', 'results', 'receivers',
        'settings', 'certificates', 'migrations', 'incoming', 'estimates'
    ) {
        $objects = @($shown[$_])
        $objects.Count | Should -BeGreaterThan 0

        # That nothing is hidden by being cut off, Output.Tests says.
        $table = ($objects | Format-Table | Out-String -Width 80).Split("`n").ForEach({ [regex]::Replace($_, "`e\[[0-9;]*m", '').TrimEnd() })
        $table.Where({ $_.Length -gt 80 }) -join "`n" | Should -BeExactly ''
        $table.Where({ $_ -match '^ *-+( +-+)+$' }).Count | Should -BeGreaterThan 0
        $list = $objects[0] | Format-List | Out-String -Width 120
        $list | Should -Match '(?m)^\S.* : '
        $list | Should -Not -Match 'PreRecordMigration\.[A-Z]'
    }
}

# The module in a session of its own, as an administrator starts one: the README's commands, the common parameters, prompts,
# and Ctrl+C as a signal.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Runspace.ps1'))
    $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')

    function New-Script([string] $name, [string] $text) {
        $path = [System.IO.Path]::Combine($TestDrive, "$name.ps1")
        [System.IO.File]::WriteAllText($path, $text)
        $path
    }
}

Describe 'The README' {
    It 'shows commands that work as they are written' {
        $readme = [System.IO.File]::ReadAllText([System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'README.md')))
        $import = 'Import-Module ./artifacts/module/PreRecordMigration'
        $block = [regex]::Match($readme, '(?s)```powershell\n(' + [regex]::Escape($import) + '.*?)```').Groups[1].Value
        $block | Should -Match 'Measure-PageOrder'
        $child = Invoke-Fresh (New-Script readme ("`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'`n" + $block.Replace($import, "Import-Module '$manifest'"))) -Alone
        $child.Errors | Should -BeExactly ''
        $child.ExitCode | Should -Be 0
        $child.Output | Should -Match '(?s)sim1.*sim2.*web01.*web02.*web03.*web04.*Sequential'
    }
}

Describe 'The common parameters' {
    BeforeAll {
        $null = New-SimulatedHost common1, common2
        $null = New-SimulatedDomain usual -HostName common1 -Memory 8MB -OperationsPerSecond 20000
    }

    AfterAll {
        Disconnect-MigrationHost common1, common2
    }

    It '-ErrorAction and -ErrorVariable do what they say' {
        $there = Invoke-Elsewhere '
            "went on: " + (Get-MigrationDomain nowhere, usual -ErrorAction SilentlyContinue -ErrorVariable kept).Name + ", " + $kept.Count
            Get-MigrationDomain nowhere -ErrorAction Ignore -ErrorVariable ignored
            "ignored: " + $ignored.Count
            try { Get-MigrationDomain nowhere, usual -ErrorAction Stop } catch { "stopped: " + $_.FullyQualifiedErrorId.Split(",")[0] }
            $ErrorActionPreference = "Stop"
            try { Get-MigrationDomain nowhere } catch { "preferred: " + $_.CategoryInfo.Category }'
        $there.Errors.Count | Should -Be 0
        $there.Output -join '; ' | Should -Be 'went on: usual, 1; ignored: 0; stopped: DomainNotFound; preferred: ObjectNotFound'
    }

    It '-OutVariable and -PipelineVariable pass objects on as they come' {
        $names = Get-MigrationDomain usual -OutVariable kept -PipelineVariable domain | Test-Migration -Destination common2 -Window 20ms |
            ForEach-Object { "$($domain.Name) $($_.DomainName)" }
        $names | Should -Be 'usual usual'
        $kept[0].Name | Should -Be 'usual'
    }

    It '-Verbose and -Debug write to their own streams, without a word on the others' {
        $there = Invoke-Elsewhere 'Start-PreRecord usual -Window 20ms -Verbose -Debug | Stop-PreRecord'
        $there.Verbose.Count | Should -BeGreaterThan 0
        $there.Debug.Count | Should -BeGreaterThan 0
        $there.Output.Count + $there.Errors.Count + $there.Warnings.Count | Should -Be 0
    }

    It '$ProgressPreference and -ProgressAction silence the bars, and nothing else' {
        foreach ($quiet in '$ProgressPreference = "SilentlyContinue"; Start-PreRecord usual -Window 20ms', 'Start-PreRecord usual -Window 20ms -ProgressAction SilentlyContinue') {
            $there = Invoke-Elsewhere "$quiet | Stop-PreRecord -PassThru"
            $there.Progress.Where({ $_.Activity -match 'usual' }).Count | Should -Be 0
            $there.Output[0].Name | Should -Be 'usual'
        }

        (Invoke-Elsewhere 'Start-PreRecord usual -Window 20ms | Stop-PreRecord').Progress.Where({ $_.Activity -match 'usual' }).Count | Should -BeGreaterThan 0
    }
}

Describe '-Confirm' {
    It 'asks, and does what is answered: <Answer>' -ForEach @(
        @{ Answer = 'n'; Count = 0 }
        @{ Answer = 'y'; Count = 1 }
    ) {
        $script = New-Script "confirm-$Answer" "
            Import-Module '$manifest'
            `$null = New-SimulatedHost asked -Confirm
            'MADE ' + @(Get-MigrationHost asked*).Count"
        $child = Invoke-Fresh $script "$Answer`n" -Alone
        $child.Output | Should -Match "MADE $Count"
        "$($child.Output) $($child.Errors)" | Should -Match "host 'asked'"
    }
}

Describe 'Where nobody can answer' {
    It '-Confirm is refused by every cmdlet that has it, and nothing is done' {
        $path = [System.IO.Path]::Combine($TestDrive, 'nobody')
        $faults = [System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1')
        $script = New-Script nobody "
            Import-Module '$manifest'
            . '$faults'
            `$WarningPreference = 'SilentlyContinue'
            `$null = New-SimulatedHost nobody1, nobody2, nobody3, nobody4
            `$null = New-SimulatedDomain calm, held -HostName nobody1 -Memory 4MB -Workload Idle
            `$null = New-SimulatedDomain cut -HostName nobody1 -Memory 8MB -OperationsPerSecond 20000
            `$null = Start-MigrationReceiver nobody3
            (Get-SimulatedHost nobody4).Faults.Fail([PreRecordMigration.Simulated.SimulatedCall]::Place, 2)
            Invoke-PreRecordMigration cut nobody4 -Method PostCopy -ErrorAction SilentlyContinue
            `$moving = New-SimulatedDomain moving -HostName nobody1 -Memory 32MB -Workload Idle | Start-Migration -Destination nobody4 -Method PreCopy -BandwidthLimit 1MB/s
            `$recorded = Start-PreRecord held -Mode Rollback -Window 20ms -Epoch 10ms
            `$asked = [ordered] @{
                'Connect-MigrationHost'    = { Connect-MigrationHost far -SshTarget root@xen2 -Confirm }
                'Disable-RemotePF'         = { `$recorded | Disable-RemotePF -Confirm }
                'Disconnect-MigrationHost' = { Disconnect-MigrationHost nobody2 -Confirm }
                'Enable-RemotePF'          = { `$recorded | Enable-RemotePF -Confirm }
                'Export-MigrationReport'   = { `$recorded | Measure-PageOrder | Export-MigrationReport '$path' -Confirm }
                'Export-PreRecord'         = { `$recorded | Export-PreRecord '$path' -Confirm }
                'Invoke-PreRecordMigration' = { Invoke-PreRecordMigration calm nobody2 -Confirm }
                'Measure-Migration'        = { Measure-Migration calm nobody2 -Confirm }
                'New-MigrationCertificate' = { New-MigrationCertificate nobody -Path '$path' -Confirm }
                'New-SimulatedDomain'      = { New-SimulatedDomain more -HostName nobody1 -Confirm }
                'New-SimulatedHost'        = { New-SimulatedHost nobody5 -Confirm }
                'Restore-PageBackup'       = { `$recorded | Restore-PageBackup -Confirm }
                'Resume-Migration'         = { Resume-Migration cut -Confirm }
                'Set-Migration'            = { `$moving | Set-Migration -Clear BandwidthLimit -Confirm }
                'Set-MigrationConfiguration' = { Set-MigrationConfiguration Window 7s -Confirm }
                'Set-PageOrder'            = { `$recorded | Set-PageOrder -Strategy Sequential -Confirm }
                'Start-Migration'          = { `$recorded | Start-Migration -Destination nobody2 -Confirm }
                'Start-MigrationReceiver'  = { Start-MigrationReceiver nobody2 -Confirm }
                'Start-PreRecord'          = { Start-PreRecord calm -Window 20ms -Confirm }
                'Stop-Migration'           = { `$moving | Stop-Migration -Confirm }
                'Stop-MigrationReceiver'   = { Stop-MigrationReceiver nobody3 -Confirm }
                'Stop-PreRecord'           = { Stop-PreRecord held -Confirm }
            }
            `$said = foreach (`$cmdlet in `$asked.Keys) {
                try {
                    `$ErrorActionPreference = 'Stop'
                    `$null = & `$asked[`$cmdlet]
                }
                catch {
                    `"`$(`$_.FullyQualifiedErrorId) `$(`$_.ErrorDetails.RecommendedAction -match 'Leave -Confirm out')`"
                }
            }
            ''
            'ASKED ' + (`$asked.Keys -join ' ')
            `$said.ForEach({ `"SAID `$_`" })
            `"LEFT `$((Get-MigrationHost).Name -join ' ') `$((Get-MigrationDomain calm, moving).State -join ' ') `$((Get-PreRecord).Name) `" +
                `"`$((Get-MigrationReceiver nobody3).HostName) `$((Get-Migration).State -join ' ') `$((Get-MigrationConfiguration Window).Source) `$(Test-Path '$path')`"
            `$ErrorActionPreference = 'Continue'
            Get-Migration | Stop-Migration -Force -ErrorAction SilentlyContinue"
        $child = Invoke-Fresh $script -Alone
        $changing = (Get-Module PreRecordMigration).ExportedCmdlets.Values.Where({ $_.Parameters.ContainsKey('Confirm') }).Name | Sort-Object
        $child.Output | Should -Match "(?m)^ASKED $($changing -join ' ')$"
        $said = [regex]::Matches($child.Output, '(?m)^SAID (.*)$').ForEach({ $_.Groups[1].Value })
        $said.Count | Should -Be $changing.Count -Because $child.Output
        $said.ForEach({ $_ -replace ',PreRecordMigration\.Cmdlets\.\w+Command' }) | Select-Object -Unique | Should -Be 'NobodyToAsk True'
        $child.Output | Should -Match '(?m)^LEFT nobody1 nobody2 nobody3 nobody4 Running Running held nobody3 Interrupted Running Default False$'
    }

    It 'a domain is not put at risk: <Case>' -ForEach @(
        @{ Case = 'given up'; Command = 'Get-Migration risked | Stop-Migration'; Remedy = 'Stop-Migration -Force' }
        @{ Case = 'taken back'; Command = '(Get-SimulatedHost risk1).KillTool(); Stop-Migration risked -NeverRanThere -HostName risk1'; Remedy = 'Stop-Migration NAME -NeverRanThere -Force' }
    ) {
        $faults = [System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1')
        $script = New-Script "risk-$($Case.Replace(' ', '-'))" "
            Import-Module '$manifest'
            . '$faults'
            `$null = New-SimulatedHost risk1, risk2
            `$null = New-SimulatedDomain risked -HostName risk1 -Memory 8MB -OperationsPerSecond 20000
            `$null = Start-MigrationReceiver risk2
            (Get-SimulatedHost risk2).Faults.Fail([PreRecordMigration.Simulated.SimulatedCall]::Place, 2)
            Invoke-PreRecordMigration risked risk2 -Method PostCopy -ErrorAction SilentlyContinue
            `$WarningPreference = 'SilentlyContinue'
            try { $Command -ErrorAction Stop } catch { `"`nSAID `$(`$_.FullyQualifiedErrorId) `$(`$_.ErrorDetails.RecommendedAction)`" }
            'STATE ' + (Get-Migration risked).State + ' ' + (Get-MigrationDomain risked -HostName risk1).State
            Get-Migration risked | Stop-Migration -Force -ErrorAction SilentlyContinue
            Stop-MigrationReceiver risk2 -Force"
        $child = Invoke-Fresh $script -Alone
        $child.Output | Should -Match "(?m)^SAID ForceNeeded,PreRecordMigration\.Cmdlets\.StopMigrationCommand .*$Remedy"
        $child.Output | Should -Match '(?m)^STATE Interrupted Suspended$'
    }
}

Describe 'Giving up a domain' {
    It 'is not what Enter alone means: <Case>' -ForEach @(
        @{ Case = 'Enter'; Answer = ''; State = 'Interrupted' }
        @{ Case = 'yes'; Answer = 'y'; State = 'Failed' }
    ) {
        $faults = [System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1')
        $script = New-Script "giveup-$Case" "
            Import-Module '$manifest'
            . '$faults'
            `$null = New-SimulatedHost give1, give2
            `$null = New-SimulatedDomain given -HostName give1 -Memory 8MB -OperationsPerSecond 20000
            `$null = Start-MigrationReceiver give2
            (Get-SimulatedHost give2).Faults.Fail([PreRecordMigration.Simulated.SimulatedCall]::Place, 2)
            Invoke-PreRecordMigration given give2 -Method PostCopy -ErrorAction SilentlyContinue
            `$null = Get-Migration given | Stop-Migration
            'STATE ' + (Get-Migration given).State
            Get-Migration given | Where-Object State -eq Interrupted | Stop-Migration -Force"
        $child = Invoke-Fresh $script "$Answer`n" -Alone
        "$($child.Output) $($child.Errors)" | Should -Match 'Go on\?'
        $child.Output | Should -Match "STATE $State"
    }
}

Describe 'Ctrl+C' {
    It 'as a signal: the domain runs on, and the session says so' {
        $script = New-Script interrupted "
            Import-Module '$manifest'
            `$null = New-SimulatedHost signal1, signal2
            `$null = New-SimulatedDomain struck -HostName signal1 -Memory 16MB -OperationsPerSecond 20000
            try {
                Invoke-PreRecordMigration struck signal2 -Window 10min -Epoch 20ms -Verbose 4>&1 | ForEach-Object {
                    if (`"`$_`" -match ': Record') { [System.IO.File]::WriteAllText('$TestDrive/begun', '') }
                }
            }
            finally {
                [System.IO.File]::WriteAllText('$TestDrive/after',
                    `"`$((Get-MigrationDomain struck -HostName signal1).State), `$(@(Get-MigrationDomain struck* -HostName signal2).Count) there, `" +
                    (Get-Migration struck).Error)
            }"
        $process = [System.Diagnostics.Process]::Start((New-FreshStart $script))
        try {
            $process.StandardInput.Close()
            $null = $process.StandardError.ReadToEndAsync()
            $null = $process.StandardOutput.ReadToEndAsync()
            while (-not [System.IO.File]::Exists("$TestDrive/begun") -and -not $process.HasExited) {
                $null = [System.Threading.Thread]::Yield()
            }

            $process.HasExited | Should -BeFalse
            [System.Diagnostics.Process]::Start('kill', "-INT $($process.Id)").WaitForExit()
            $process.WaitForExit()
            [System.IO.File]::ReadAllText("$TestDrive/after") | Should -Match "^Running, 0 there, .*'struck' runs on at 'signal1'"
        }
        finally {
            if (-not $process.HasExited) {
                $process.Kill($true)
            }

            $process.Dispose()
        }
    }
}

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
        $child = Invoke-Fresh (New-Script readme ("`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'`n" + $block.Replace($import, "Import-Module '$manifest'")))
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
        $child = Invoke-Fresh $script "$Answer`n"
        $child.Output | Should -Match "MADE $Count"
        "$($child.Output) $($child.Errors)" | Should -Match "host 'asked'"
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
        $child = Invoke-Fresh $script "$Answer`n"
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

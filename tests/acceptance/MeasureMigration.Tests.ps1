# Measure-Migration and Get-Migration -Watch, on simulated hosts.

BeforeAll {
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Process.ps1'))
    . ([System.IO.Path]::Combine($PSScriptRoot, 'SimulatedFaults.ps1'))
    $null = New-SimulatedHost meas1, meas2
    $null = New-SimulatedDomain ma, mb -HostName meas1 -Memory 8MB -OperationsPerSecond 20000
    $short = @{ Destination = 'meas2'; WarmUp = 0; Settle = '0s'; Window = '40ms'; Epoch = '20ms' }
}

AfterAll {
    Disconnect-MigrationHost meas1, meas2
}

Describe 'Measure-Migration' {
    It 'moves a domain by each method, to and fro, and compares them' {
        $all = @(Measure-Migration ma @short -Method PostCopy, Rollback -Repeat 2 -Seed 5 -Beat operations)
        $all.Count | Should -Be 5
        $runs = $all[0..3]
        $runs.Run -join ' ' | Should -Be '1 2 3 4'
        @($runs.Method).ForEach({ "$_" }) | Sort-Object | Should -Be 'PostCopy', 'PostCopy', 'Rollback', 'Rollback'
        foreach ($run in $runs) {
            $run.Error | Should -BeNullOrEmpty
            $run.Downtime | Should -BeOfType ([TimeSpan])
            $run.TotalTime | Should -BeGreaterThan $run.Downtime
            $run.HostName | Should -Be $run.Destination
            $run.Outcome | Should -BeOfType ([PreRecordMigration.Operations.MigrationOutcome])
            $run.Outcome.Details | Should -BeOfType ([PreRecordMigration.Reporting.MigrationDetails])
        }

        $comparison = $all[4]
        $comparison.HostName | Should -Be 'meas1'
        $comparison.Against | Should -Be 'PostCopy'
        $comparison.Seed | Should -Be 5
        $comparison.Stopped | Should -BeNullOrEmpty
        @($comparison.Runs).Count | Should -Be 4
        $downtimes = @($comparison.Summaries).Where({ "$($_.Figure)" -eq 'Downtime' })
        $downtimes.Count | Should -Be 2
        $downtimes[0].Runs | Should -Be 2
        $difference = @($comparison.Differences).Where({ "$($_.Figure)" -eq 'TotalTime' })[0]
        "$($difference.Method)" | Should -Be 'Rollback'
        $difference.IsMoreThanNoise | Should -BeNullOrEmpty -Because 'two runs of each can never tell'
        (Get-MigrationDomain ma).HostName | Should -Be 'meas1'
    }

    It 'measures the methods that record with each order, and takes domains from the pipeline' {
        $all = @(Get-MigrationDomain ma, mb | Measure-Migration @short -Method Observe -Order RecordedFirst, Auto -Repeat 1)
        $all.Count | Should -Be 6
        @($all[0, 1].Order).ForEach({ "$_" }) | Sort-Object | Should -Be 'Auto', 'RecordedFirst'
        $all[2].Name, $all[5].Name | Should -Be 'ma', 'mb'
        @(Get-MigrationDomain ma, mb).HostName | Should -Be 'meas1', 'meas1'
    }

    It 'takes what is configured, but not one method or one order for several' {
        try {
            Set-MigrationConfiguration Method PreCopy
            Set-MigrationConfiguration Order RecordedFirst
            Set-MigrationConfiguration Window 30ms
            Set-MigrationConfiguration Epoch 30ms
            $all = @(Measure-Migration ma meas2 -WarmUp 0 -Settle 0s -Repeat 1 -Method PostCopy, Observe)
            @($all[0, 1].Method).ForEach({ "$_" }) | Sort-Object | Should -Be 'Observe', 'PostCopy'
            @($all[0, 1].Order).Where({ $null -ne $_ }).Count | Should -Be 0
            $observed = @($all[0, 1]).Where({ "$($_.Method)" -eq 'Observe' })[0]
            @($observed.Outcome.Phases).Where({ "$($_.Phase)" -eq 'Record' })[0].Duration.TotalMilliseconds | Should -BeLessThan 1000
        }
        finally {
            'Method', 'Order', 'Window', 'Epoch' | ForEach-Object { Set-MigrationConfiguration $_ -Clear }
        }
    }

    It 'moves nothing with -WhatIf, and returns what it would do' {
        $reports = @(Measure-Migration ma @short -Method PreCopy, Rollback -WhatIf)
        @($reports.Recommendation).ForEach({ "$_" }) -join ' ' | Should -Be 'PreCopy PreRecord'
        (Get-MigrationDomain ma).HostName | Should -Be 'meas1'
    }

    It 'makes a row of a run that fails, and goes on where it is certain where the domain is' {
        (Get-SimulatedHost meas2).Faults.Fail('Restore', 1)
        $all = @(Measure-Migration ma @short -Method PostCopy -Repeat 2 -WarningAction SilentlyContinue)
        $all[0].Error | Should -Not -BeNullOrEmpty
        $all[0].HostName | Should -Be 'meas1'
        $all[1].Error | Should -BeNullOrEmpty
        $all[2].Failures | Should -Be 1
        (Get-MigrationDomain ma).HostName | Should -Be 'meas1'
    }

    It 'has the script of -Return bring the domain back from a host that it does not know, and says nothing of what the guest counted there' {
        $receiver = Start-MigrationReceiver meas2
        try {
            $all = @(Measure-Migration ma "127.0.0.1:$($receiver.Port)" -WarmUp 0 -Settle 0s -Repeat 2 -Method PostCopy -Beat operations -Return {
                    param($name)
                    (Invoke-PreRecordMigration $name meas1 -Method PostCopy).DomainName | Should -Be 'ma'
                })
            $all.Count | Should -Be 3
            @($all[0, 1]).Where({ $_.Error }).Count | Should -Be 0
            @($all[0, 1].Source) | Should -Be 'meas1', 'meas1'
            @($all[0, 1].BeatGap).Where({ $null -ne $_ }).Count | Should -Be 0
            $all[2].HostName | Should -Be 'meas1'
        }
        finally {
            Stop-MigrationReceiver meas2
        }
    }

    It 'refuses <Case>: <Id>' -ForEach @(
        @{ Case = 'xl migrate of a simulated domain'; Arguments = 'ma meas2 -Method XlMigrate'; Id = 'NotSupported' }
        @{ Case = 'what is no service'; Arguments = 'ma meas2 -Probe nowhere'; Id = 'InvalidOption' }
        @{ Case = 'what is no node of XenStore'; Arguments = "ma meas2 -Beat '../x'"; Id = 'InvalidOption' }
        @{ Case = 'the host that the domain is on'; Arguments = 'ma meas1'; Id = 'DestinationIsSource' }
        @{ Case = 'a row that says nowhere to go'; Arguments = "-InputObject ([pscustomobject] @{ Name = 'ma' })"; Id = 'DestinationMissing' }
        @{ Case = 'a domain that is not there'; Arguments = 'nobody meas2'; Id = 'DomainNotFound' }
    ) {
        $class = (Get-Command Measure-Migration).ImplementingType.FullName
        { & ([scriptblock]::Create("Measure-Migration $Arguments -ErrorAction Stop")) } | Should -Throw -ErrorId "$Id,$class"
        (Get-MigrationDomain ma).HostName | Should -Be 'meas1'
    }
}

Describe 'Get-Migration -Watch' {
    It 'writes a line for each migration where there is no terminal, as it changes, and ends when none is under way' {
        $null = Start-Migration ma meas2 -Method PostCopy -BandwidthLimit 4MB/s
        $lines = @(Get-Migration ma -Watch)
        $lines[-1] | Should -Match '^\d+ ma: meas1 to meas2 by PostCopy, Completed 100 ?%, .*, at the destination$'
        $lines | Should -BeOfType ([string])
        @($lines).Where({ $_ -match 'Push .* on both hosts, [0-9,]+ faults/s, stalled .*\(.*Rest ' }).Count | Should -BeGreaterThan 0
        $null = Wait-Migration ma
        $null = Invoke-PreRecordMigration ma meas1 -Method PostCopy
    }

    It 'draws over its lines in a terminal' {
        $manifest = [System.IO.Path]::Combine((Get-Module PreRecordMigration).ModuleBase, 'PreRecordMigration.psd1')
        $script = "$TestDrive/watch.ps1"
        [System.IO.File]::WriteAllText($script, "
            Import-Module '$manifest'
            `$null = New-SimulatedHost a, b
            `$null = New-SimulatedDomain seen -HostName a -Memory 8MB -OperationsPerSecond 20000
            `$null = Start-Migration seen b -Method PostCopy -BandwidthLimit 4MB/s
            Get-Migration -Watch")
        $start = New-FreshStart $script
        $words = @($start.ArgumentList).Where({ $_ -notlike '--default-signal*' }).ForEach({ "'$_'" }) -join ' '
        $start.FileName = 'script'
        $start.ArgumentList.Clear()
        foreach ($argument in '--quiet', '--return', '--flush', '--command', "exec $words", "$script.said") { $start.ArgumentList.Add($argument) }
        $start.Environment['SHELL'] = '/bin/sh'
        $start.Environment['TERM'] = 'xterm'
        $terminal = [System.Diagnostics.Process]::Start($start)
        $null = $terminal.StandardOutput.ReadToEndAsync(), $terminal.StandardError.ReadToEndAsync()
        $terminal.WaitForExit(120000) | Should -BeTrue
        $said = [System.IO.File]::ReadAllText("$script.said")
        $said | Should -Match "`e\[1F"
        $said | Should -Match 'seen: a to b by PostCopy, Completed'
    }

    It 'is not for the history' {
        { Get-Migration -Watch -History -ErrorAction Stop } | Should -Throw -ErrorId 'WatchOfHistory,*'
    }
}
